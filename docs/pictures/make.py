"""Draws docs/pictures/demo.svg: runs the demo and renders what it prints (needs the Python package rich)."""

import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COMMAND = ["cargo", "run", "--release", "--quiet", "--", "demo", "--scenario", "errors", "--color", "always"]
COLUMNS = 110


def main():
    here = Path(__file__).resolve().parent
    run = subprocess.run(COMMAND, cwd=here.parent.parent, capture_output=True, text=True, check=False)
    if run.returncode != 40:
        sys.exit(f"the demo ended with {run.returncode}, expected 40\n{run.stderr}")
    verdict = re.split(r"\n(?:\x1b\[[\d;]*m)*changes", run.stdout, maxsplit=1)[0].rstrip()
    log = run.stderr.rstrip()
    console = Console(record=True, width=COLUMNS, file=open("/dev/null", "w", encoding="utf-8"))
    console.print(Text.from_ansi("$ shipgate demo --scenario errors\n" + log + "\n\n" + verdict), soft_wrap=False)
    svg = console.export_svg(title="shipgate demo: a bad canary is taken back")
    # The picture loads nothing from elsewhere: a viewer's own monospaced font does.
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.S)
    svg = re.sub(r"font-family: *Fira Code", "font-family: 'DejaVu Sans Mono', Menlo, Consolas", svg)
    (here / "demo.svg").write_text(svg, encoding="utf-8")


main()
