"""Draws docs/pictures/judge.svg: what the judge says of a good and of a bad canary, poll by poll.

    python3 docs/pictures/judge.py

The figures are what the judge itself returns for two made-up steps (tests/judge/simulation/picture.rs).
"""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
COMMAND = ["cargo", "test", "--test", "judge", "--", "--nocapture", "simulation::picture"]
WIDTH, HEIGHT, TOP, GAP, SIDE, FOOT = 920, 400, 74, 40, 74, 54
MINUTES, LOWEST, HIGHEST = 15, -2, 3
WORSE_FROM, GOOD_FROM = 100, 20

STYLE = """
    .paper { fill: #ffffff } .text { fill: #1f2328 } .quiet { fill: #59636e } .grid { stroke: #d1d9e0 }
    .worse { stroke: #c2410c } .good { stroke: #0969da } .worse-text { fill: #c2410c } .good-text { fill: #0969da }
    .line { fill: none; stroke-width: 2.5; stroke-linejoin: round } .limit { stroke-width: 1.2; stroke-dasharray: 5 4 }
    .peer { stroke: #59636e; stroke-width: 1.2; stroke-dasharray: 2 3 }
    text { font: 13px system-ui, 'Segoe UI', Helvetica, Arial, sans-serif } .head { font-size: 15px; font-weight: 600 }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #0d1117 } .text { fill: #f0f6fc } .quiet { fill: #9198a1 } .grid { stroke: #3d444d }
      .worse { stroke: #ff8a5c } .good { stroke: #58a6ff } .worse-text { fill: #ff8a5c } .good-text { fill: #58a6ff }
      .peer { stroke: #9198a1 }
    }
"""


def steps():
    """Asks the judge; returns both steps."""
    run = subprocess.run(COMMAND, cwd=HERE.parent.parent, env={**os.environ, "SHIPGATE_PROVE_JUDGE": "1"},
                         capture_output=True, text=True, check=False)
    found = re.search(r"picture: (\{.*\})", run.stdout)
    if run.returncode != 0 or not found:
        sys.exit(f"the test ended with {run.returncode}\n{run.stdout}{run.stderr}")
    return json.loads(found[1])


class Panel:
    """One step: evidence against time."""

    def __init__(self, left, width):
        self.left, self.width = left, width

    def x(self, minutes):
        """Where a minute is."""
        return self.left + self.width * minutes / MINUTES

    @staticmethod
    def y(log10):
        """Where evidence is; what leaves the picture stays at its edge."""
        part = (max(LOWEST, min(HIGHEST, log10)) - LOWEST) / (HIGHEST - LOWEST)
        return HEIGHT - FOOT - part * (HEIGHT - FOOT - TOP)

    def frame(self, head):
        """The title, the grid, and both thresholds."""
        lines = [f'<text class="text head" x="{self.left}" y="44">{head}</text>']
        for power in range(LOWEST, HIGHEST + 1):
            lines.append(self.level(self.y(power), "grid"))
        for minute in range(0, MINUTES + 1, 5):
            lines.append(f'<text class="quiet" text-anchor="middle" x="{self.x(minute):.1f}" '
                         f'y="{HEIGHT - FOOT + 20}">{minute}</text>')
        for limit, name in [(WORSE_FROM, "worse"), (GOOD_FROM, "good")]:
            lines.append(self.level(self.y(math.log10(limit)), f"{name} limit"))
        return lines

    def level(self, y, classes):
        """A line from side to side."""
        return f'<line class="{classes}" x1="{self.left}" x2="{self.left + self.width}" y1="{y:.1f}" y2="{y:.1f}"/>'

    def curve(self, evidence, name):
        """Evidence from the beginning, where it is 1 : 1."""
        points = [(0.0, 0.0)] + [(number / 2, value / math.log(10)) for number, value in enumerate(evidence, 1)]
        path = " ".join(f"{self.x(minutes):.1f},{self.y(log10):.1f}" for minutes, log10 in points)
        return f'<polyline class="line {name}" points="{path}"/>'

    def end(self, evidence, name, text):
        """The verdict, where the curve ends."""
        x, y = self.x(len(evidence) / 2), self.y(evidence[-1] / math.log(10))
        return [f'<circle class="{name}-text" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>',
                f'<text class="{name}-text head" text-anchor="end" x="{x:.1f}" y="{y - 12:.1f}">{text}</text>']


def spoken(value):
    """A number with a comma between thousands."""
    return f"{value:,}"


def draw(found):
    """Returns the picture."""
    width = (WIDTH - SIDE - GAP - 16) // 2
    panels = [Panel(SIDE, width), Panel(SIDE + width + GAP, width)]
    good, bad = found["good"], found["bad"]
    columns = {name: list(zip(*step["evidence"])) for name, step in found.items()}
    minutes = {name: f"{len(step['evidence']) / 2:g}" for name, step in found.items()}
    told = (f"The good canary is called good after {minutes['good']} minutes, the bad one worse after "
            f"{minutes['bad']}. A z-test at every poll takes the good one back at {good['z_five_minutes']:g} minutes.")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "  <title>Evidence against time for a good and a bad canary</title>", f"  <desc>{told}</desc>",
        f"  <style>{STYLE}  </style>", f'  <rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="quiet" x="{SIDE}" y="20">100 requests a second, 5 % of them to the canary, '
        "1 % of stable’s fail; a poll every 30 seconds</text>",
        *panels[0].frame("A canary as good as stable"), *panels[1].frame(f"A canary {bad['multiple']:g}× as bad"),
    ]
    for power in range(LOWEST, HIGHEST + 1):
        odds = f"{spoken(10 ** power)} : 1" if power >= 0 else f"1 : {spoken(10 ** -power)}"
        lines.append(f'<text class="quiet" text-anchor="end" x="{SIDE - 8}" y="{Panel.y(power) + 4:.1f}">{odds}</text>')
    for panel in panels:
        lines.append(f'<text class="quiet" text-anchor="middle" x="{panel.x(MINUTES / 2):.1f}" '
                     f'y="{HEIGHT - 14}">minutes</text>')
    below = panels[0].y(math.log10(GOOD_FROM)) + 16
    lines += [
        f'<text class="worse-text" x="{panels[0].x(2):.1f}" y="{panels[0].y(2) - 6:.1f}">worse from 100 : 1 on</text>',
        f'<text class="good-text" x="{panels[0].x(2):.1f}" y="{below:.1f}">good from 20 : 1 on</text>',
    ]
    for panel, name in zip(panels, ("good", "bad")):
        lines += [panel.curve(columns[name][0], "worse"), panel.curve(columns[name][1], "good")]
    lines += panels[0].end(columns["good"][1], "good", "GOOD")
    lines += panels[1].end(columns["bad"][0], "worse", "WORSE")
    lines += [
        f'<text class="worse-text" text-anchor="end" x="{panels[0].x(MINUTES)}" y="{panels[0].y(-0.9):.1f}">'
        "evidence for worse</text>",
        f'<text class="good-text" text-anchor="end" x="{panels[1].x(MINUTES)}" y="{panels[1].y(-1.75):.1f}">'
        "evidence for good</text>",
    ]
    x = panels[0].x(good["z_five_minutes"])
    lines += [
        f'<line class="peer" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - FOOT}"/>',
        f'<text class="quiet" x="{x + 6:.1f}" y="{HEIGHT - FOOT - 26}">here a z-test at every poll</text>',
        f'<text class="quiet" x="{x + 6:.1f}" y="{HEIGHT - FOOT - 10}">takes it back</text>', "</svg>", "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    (HERE / "judge.svg").write_text(draw(steps()), encoding="utf-8")
