"""The tables of the comparison: what they say, and where they stand in docs/editor.md."""

import datetime
import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/editor.md"
BEGIN, END = "<!-- figures, written by benches/editor.py -->", "<!-- end of figures -->"
OURS, SED, KUBECTL, RUAMEL = (
    "shipgate set",
    "sed -i, anywhere",
    "kubectl set image --local, per file",
    "ruamel.yaml, tuned",
)


def machine(binary):
    """Says where and of what the figures are."""

    def git(*arguments):
        run = subprocess.run(["git", *arguments], cwd=ROOT, check=False, text=True, stdout=subprocess.PIPE)
        return run.stdout.strip()

    changed = git("status", "--porcelain", "--", "src", "Cargo.toml", "Cargo.lock")
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return {
        "processor": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[0], 1),
        "binary": os.path.getsize(binary),
        "python": platform.python_version(),
        "commit": git("rev-parse", "--short=12", "HEAD") + (" and changes" if changed else ""),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }


def seconds(value):
    """A time, with as many digits as it deserves."""
    return (
        f"{value * 1000:,.1f} ms"
        if value < 0.1
        else f"{value * 1000:,.0f} ms" if value < 1 else f"{value:,.1f} s"
    )


def rows_of(head, rows):
    """One Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def exact_rows(rows):
    """What became of the files, a row for each tool."""
    head = [
        "tool",
        "exact",
        "refused",
        "disturbed",
        "other values",
        "unparsable",
        "extra diff lines",
        "comments lost (files)",
    ]
    cells = []
    for row in rows:
        if row["version"] is None:
            cells.append([row["tool"], "not run"] + [""] * 6)
            continue
        lost = f"{row.get('comments lost', 0):,} ({row.get('files that lost comments', 0):,})"
        unknown, bad = row.get("values unknown", 0), f"{row.get('values unparsable', 0):,}"
        other = f"{row.get('values other', 0):,}" + (f" (+{unknown} not told)" if unknown else "")
        if row.get("disturbed") and not any(name.startswith("values ") for name in row):
            other = bad = "not read"
        counts = [f"{row.get(name, 0):,}" for name in ("exact", "refused", "disturbed")]
        cells.append([row["tool"], *counts, other, bad, f"{row.get('extra lines', 0):,}", lost])
    return rows_of(head, cells)


def seconds_rows(found, exact):
    """How long each tool took for so many files, and how much of the processor for all of them."""
    counts = sorted({count for times in found.values() for count in times})
    most = counts[-1]
    names = [f"{count:,} file{'s' * (count > 1)}" for count in counts]
    head = ["tool", *names, f"ratio at {most:,}", "processor, user, all files", "ratio"]
    user = {row["tool"]: row["user"] for row in exact if row["version"]}
    cells = []
    for name, times in sorted(found.items(), key=lambda item: item[1][most]):
        spent = [seconds(user[name]), f"{user[name] / user[OURS]:,.2f}"] if name in user else ["", ""]
        walls = [seconds(times[count]) for count in counts]
        cells.append([name, *walls, f"{times[most] / found[OURS][most]:,.2f}", *spent])
    return rows_of(head, cells)


def speed_rows(found):
    """The whole corpus against plain reading."""
    head = [
        "10,000 files" if all(row["files"] == 10_000 for row in found.values()) else "all files",
        "process",
        "time",
        "ratio to cat",
        "to find and cat",
        "processor",
        "ratio to cat",
        "of it user",
    ]
    cells = []
    for name, row in found.items():
        cat, find = (row["times"][process] for process in ("cat FILE...", "find FOLDER -exec cat {} +"))
        for process, (wall, user, both) in row["times"].items():
            cells.append(
                [
                    name,
                    f"`{process}`",
                    seconds(wall),
                    f"{wall / cat[0]:.2f}",
                    f"{wall / find[0]:.2f}",
                    seconds(both),
                    f"{both / cat[2]:.2f}",
                    seconds(user),
                ]
            )
    return rows_of(head, cells)


def large_rows(found):
    """The file of 15 MiB."""
    head = [
        "one file of 15 MiB",
        "result",
        "time",
        "ratio to cat",
        "processor",
        "peak memory",
        "peak less 32 MB, in files",
    ]
    names = {"many": "many documents", "one": "one document"}
    cells = []
    for name, row in found.items():
        wall, _, both = row["times"][OURS]
        cells.append(
            [
                names[name],
                "exact" if row["exact"] else "not edited",
                seconds(wall),
                f"{wall / row['times']['cat'][0]:,.0f}",
                seconds(both),
                f"{row['peak'] / 1e6:,.0f} MB",
                f"{(row['peak'] - 32e6) / row['bytes']:.1f}",
            ]
        )
    return rows_of(head, cells)


def targets(figures):
    """Each target with what was measured, and whether it is met."""
    found = []

    def add(what, target, value, shown, least=False):
        met = value >= target if least else value <= target
        found.append(
            [what, f"{'at least' if least else 'at most'} {target:,g}", shown, "met" if met else "**missed**"]
        )

    if "exact" in figures:
        ours = figures["exact"][0]
        wrong = ours["files"] - ours.get("exact", 0)
        add("files that are not exact", 0, wrong, f"{wrong} of {ours['files']:,}")
        times = figures["seconds"]
        most = max(times[OURS])
        of = f"{most:,} files: seconds of ours, in those of"
        if SED in times:
            ratio = times[OURS][most] / times[SED][most]
            add(f"{of} `sed -i`", 1.5, ratio, f"{ratio:.2f}")
        for name, tool in (("kubectl a file", KUBECTL), ("ruamel.yaml", RUAMEL)):
            if tool in times:
                ratio = times[tool][most] / times[OURS][most]
                add(f"{most:,} files: times as fast as {name}", 100, ratio, f"{ratio:,.0f}", least=True)
        one = times[OURS][1] * 1000
        add("1 file, with start: ms", 5, one, f"{one:.1f}")
    for name, row in figures.get("speed", {}).items():
        ratio = row["times"][OURS][0] / row["times"]["cat FILE..."][0]
        add(f"{row['files']:,} files, {name}: time, ratio to a plain read", 2.5, ratio, f"{ratio:.2f}")
    for name, row in figures.get("large", {}).items():
        ratio = (row["peak"] - 32e6) / row["bytes"]
        kind = {"many": "many documents", "one": "one document"}[name]
        add(f"15 MiB, {kind}: peak memory less 32 MB, in files", 3, ratio, f"{ratio:.1f}")
    return rows_of(["target", "is", "measured", ""], found)


def table(figures):
    """All tables as Markdown."""
    where = figures["machine"]
    lines = [
        f"Measured on {where['date']} at commit {where['commit']}: {where['processor']}, {where['cores']} cores, "
        f"{where['system']}, load {where['load']} at the beginning and {where['load after']} at the end, all files in memory "
        f"(tmpfs); corpus of seed {figures['seed']}.",
        "",
    ]
    parts = [
        ("exact", "Manifests", exact_rows),
        ("seconds", "Time by number of files", lambda found: seconds_rows(found, figures["exact"])),
        ("overlays", "Overlays", exact_rows),
        ("speed", "The whole corpus", speed_rows),
        ("large", "Large files", large_rows),
    ]
    for key, title, rows in parts:
        if key in figures:
            lines += [f"### {title}", "", *rows(figures[key]), ""]
    lines += ["### Targets", "", *targets(figures), ""]
    versions = {
        row["version"] for key in ("exact", "overlays") for row in figures.get(key, []) if row["version"]
    }
    lines.append(f"Versions: {'; '.join(sorted(versions, key=str.lower))}; Python {where['python']}.")
    return "\n".join(lines)


def write_page(text):
    """Puts the tables between the marks of the page."""
    before, rest = PAGE.read_text().split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
