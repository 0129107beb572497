"""The tables of the simulation: what its lines say, and where they stand in docs/judge.md."""

import datetime
import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/judge.md"
BEGIN, END = "<!-- figures, written by benches/prove.py judge -->", "<!-- end of figures -->"
OURS = {"shipped": "judge as shipped", "strict": "judge, tolerated ratio 1", "bare": "bare formula"}
PEERS = {
    "fixed": "over 1 %, failureLimit 3",
    "z_five": "z-test 5 %",
    "z_one": "z-test 1 %",
    "rank": "rank test",
}
# The polls of a fault that begins in minute 10.
LATE = 20


def read(text):
    """Returns the rows that the tests have printed, by their tables."""
    tables = {}
    for line in re.findall(r"simulated: (\{.*\})", text):
        row = json.loads(line)
        tables.setdefault(row["table"], []).append(row)
    return tables


def percent(share):
    """A share with as many digits as it deserves."""
    value = 100 * share
    digits = 1 if value >= 10 or value == 0 else 2
    return f"{value:.{digits}f}" if 0 < value < 99.95 else f"{value:.0f}"


def worse(row, rule):
    """The share of the runs that a rule called worse."""
    found = row["rules"][rule]
    return found["worse"] / found["runs"]


def markdown(head, rows):
    """One Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def shares(rows, rules):
    """A line for each row: what it is, and the percentage that each rule took back."""
    head = [*rows[0]["labels"], *rules.values()]
    return markdown(head, [[*row["labels"].values(), *(percent(worse(row, rule)) for rule in rules)] for row in rows])


def ranges(rows, by, rules):
    """A line for each value of some labels: the least and the most that each rule took back."""
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row["labels"][label] for label in by), []).append(row)
    lines = []
    for labels, group in groups.items():
        cells = []
        for rule in rules:
            least, most = (percent(end(worse(row, rule) for row in group)) for end in (min, max))
            cells.append(least if least == most else f"{least} to {most}")
        lines.append([*labels, *cells])
    return markdown([*by, *rules.values()], lines)


def extremes(rows, rules):
    """The least, the median and the most of each rule, to stand below its column."""
    lines = []
    for name, pick in [("least", 0), ("median", len(rows) // 2), ("most", -1)]:
        cells = [percent(sorted(worse(row, rule) for row in rows)[pick]) for rule in rules]
        lines.append("| " + " | ".join([f"**{name}**", "", "", *cells]) + " |")
    return lines


def minutes(found, before=0):
    """The median time to worse, if more than half were."""
    time = found["median_minutes"]
    return f"{time - before / 2:g} min" if time is not None else "—"


def detection(rows, rules, false):
    """A line for each row: found, median time, and what the same rule takes back of good canaries."""
    lines = []
    for row in rows:
        labels = row["labels"]
        good = false[labels["baseline"], labels["weight"], labels["requests/s"]]
        cells = []
        for rule in rules:
            cell = f"{percent(worse(row, rule))} / {minutes(row['rules'][rule])}"
            cells.append(cell if rule == "shipped" else f"{cell} ({percent(worse(good, rule))})")
        lines.append([labels["baseline"], labels["canary"], labels["requests/s"], *cells])
    return markdown(["baseline", "canary", "requests/s", *rules.values()], lines)


def weights(rows):
    """The judge alone, for every weight."""
    groups = {}
    for row in rows:
        labels = row["labels"]
        found = row["rules"]["shipped"]
        share = found["worse"] / found["runs"]
        ninety = found["ninety_percent_minutes"]
        cell = f"{percent(share)} / {minutes(found)} / {f'{ninety:g} min' if ninety is not None else '—'}"
        key = labels["baseline"], labels["canary"], labels["weight"]
        groups.setdefault(key, {})[labels["requests/s"]] = cell
    head = [f"{speed} requests/s" for speed in next(iter(groups.values()))]
    return markdown(["baseline", "canary", "weight", *head], [[*key, *cells.values()] for key, cells in groups.items()])


def late(rows):
    """Faults that begin in minute 10: what was taken back before, and what was found after."""
    rules = {"shipped": OURS["shipped"], "one_beginning": "judge, one beginning", **PEERS}
    lines = []
    for row in rows:
        cells = []
        for rule in rules:
            found = row["rules"][rule]
            before = sum(found["worse_at_poll"][:LATE + 1]) / found["runs"]
            after = worse(row, rule) - before
            # The median of those that were not taken back before the fault.
            left, sum_, time = (1 - before) * found["runs"] / 2, 0, "—"
            for poll, count in enumerate(found["worse_at_poll"][LATE + 1:], 1):
                sum_ += count
                if left > 0 and sum_ >= left:
                    time = f"{poll / 2:g} min"
                    break
            cells.append(f"{percent(before)} / {percent(after)} / {time}")
        lines.append([*row["labels"].values(), *cells])
    return markdown([*rows[0]["labels"], *rules.values()], lines)


def pages(tables):
    """All tables with their heads."""
    false = {(labels["baseline"], labels["weight"], labels["requests/s"]): row
             for row in tables["null"] for labels in [row["labels"]]}
    five = [row for row in tables["detection"] if row["labels"]["weight"] == "5 %"]
    ours, everyone = {"shipped": OURS["shipped"], **PEERS}, {**OURS, **PEERS}
    edge = {"shipped": OURS["shipped"], "fixed_phi": "judge, dispersion 1"}
    unacceptable = [[*row["labels"].values(), percent(found["good"] / found["runs"]), percent(worse(row, "shipped"))]
                    for row in tables["unacceptable"] for found in [row["rules"]["shipped"]]]
    return [
        ("Canary as good as stable: taken back, %",
         shares(tables["null"], everyone) + extremes(tables["null"], everyone)),
        ("Canary exactly as bad as tolerated: taken back, %", shares(tables["edge"], edge)),
        ("Canary exactly unacceptable: promoted early, %",
         markdown([*tables["unacceptable"][0]["labels"], "promoted (promised: at most 5)", "taken back"], unacceptable)),
        ("Worse canaries at 5 % weight: found within 30 minutes, % / median time (good ones taken back, %)",
         detection(five, ours, false)),
        ("Worse canaries at every weight: found, % / median / 90 % point, judge as shipped", weights(tables["detection"])),
        ("Errors that come in clusters, canary as good as stable: taken back, %, over four kinds of traffic",
         ranges(tables["bursts"], ["errors in clusters of"], everyone)),
        ("Bursts of 20 errors at once: taken back, %, over four kinds of traffic",
         ranges(tables["storms"], ["bursts of 20 errors", "at"],
                {"shipped": OURS["shipped"], "bare": OURS["bare"], **PEERS})),
        ("Faults that begin in minute 10: taken back before, % / found after, % / median time since",
         late(tables["late"])),
        ("The split drifts while both arms suffer, canary as good as stable: taken back, %",
         shares(tables["drift"], {"shipped": OURS["shipped"], "bare": OURS["bare"],
                                  "sums": "bare formula on sums", **PEERS})),
        ("Pods that differ, canary as good as stable: taken back, %",
         shares(tables["pods"], {**OURS, **PEERS})),
        ("No stable arm, traffic as before: taken back, %, over four kinds of traffic",
         ranges(tables["before_after"], ["minutes of history"],
                {"shipped": OURS["shipped"], "strict": OURS["strict"], **PEERS})),
        ("No stable arm, new version worse: found, %",
         shares(tables["before_after_worse"], {"shipped": OURS["shipped"], **PEERS})),
        ("No stable arm, rates rise by themselves: taken back, %",
         shares(tables["before_after_drift"], {"shipped": OURS["shipped"], "strict": OURS["strict"], **PEERS})),
    ]


def summary(tables):
    """What there was in one line, and the seed."""
    rows = [row for table in tables.values() for row in table]
    runs = rows[0]["rules"]["shipped"]["runs"]
    most = max(worse(row, "shipped") for row in tables["null"])
    tried = f"{runs:,} runs of each of {len(rows)} settings; good canaries taken back: at most {percent(most)} %"
    return tried, str(rows[0]["seed"])


def write(tables, commit):
    """Puts the tables into the page."""
    row = tables["null"][0]["rules"]
    runs, slow = row["shipped"]["runs"], row["rank"]["runs"]
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    text = [f"Commit {commit}, {today}, seed {tables['null'][0]['seed']}: {runs:,} runs of each row, "
            f"{slow:,} of them for the rank test."]
    for head, table in pages(tables):
        text += ["", f"### {head}", "", *table]
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + "\n".join(text) + "\n" + END + rest.split(END)[1])
