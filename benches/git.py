"""Compares commits and whole deployments with the git program, and writes docs/git.md.

    cargo build --release
    python3 benches/git.py                    prints the tables
    python3 benches/git.py --write            puts them into docs/git.md
    python3 benches/git.py --files 1000 --runs 3 --only commit

Commits: the same files of the same repository get the same new bytes. The git program's time is that of
`git add` and `git commit` in a work tree where the files have been changed already; ours is that of the
library call that `deploy` makes (`benches/git_commit.rs`), as no command only commits. Deployments: whole
processes against `git http-backend` behind HTTP on loopback; `deploy` also judges the policy, writes the
journal, reads back and asks whether the version is live. Everything takes turns in one run, and lies in
memory (/dev/shm), so that no disk decides. Where other programs share the machine, ratios are what counts.
"""

import argparse
import datetime
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from git_world import MANIFEST, World, environment, git, make

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/git.md"
BEGIN, END = "<!-- figures, written by benches/git.py -->", "<!-- end of figures -->"


def timed(command, folder, **more):
    """Runs a command and returns its seconds."""
    begin = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(command, cwd=folder, env={**environment(), **more}, check=True, **quiet)
    return time.perf_counter() - begin


def bench_binary():
    """Builds the stopwatch of the library and returns its path."""
    build = subprocess.run(
        ["cargo", "bench", "--bench", "git_commit", "--no-run"], cwd=ROOT, check=True, text=True,
        stderr=subprocess.PIPE,
    )
    return ROOT / re.search(r"Executable .*\((.*)\)", build.stderr)[1]


def commits(work, files, runs, binary):
    """Seconds of a commit of one file and of all files, ours and the git program's."""
    bare, tree = work / "commits.git", work / "tree"
    paths = make(bare, files, "http://127.0.0.1:9")
    git(work, "clone", "--quiet", str(bare), str(tree))
    git(tree, "config", "gc.auto", "0")
    rows = {}
    for count, times in ((1, runs), (files, max(3, runs // 3))):
        some = paths[:: max(1, files // count)][:count]
        listed = work / "paths"
        listed.write_text("\n".join(some))
        ours, theirs = [], []
        for run in range(times):
            out = subprocess.run(
                [binary, str(bare), str(listed), "1"], check=True, stdout=subprocess.PIPE, text=True
            ).stdout
            ours.append(float(out.split()[0]))
            for path in some:
                with open(tree / path, "a", encoding="utf-8") as file:
                    file.write(f"# run {run}\n")
            named = some if count == 1 else ["--all"]
            theirs.append(timed(["git", "add", *named], tree) + timed(["git", "commit", "-qm", "deploy"], tree))
            git(tree, "reset", "--quiet", "--hard", "origin/main")
        rows[count] = (statistics.median(ours), statistics.median(theirs))
        print(f"  {count} of {files} files: {rows[count]}", file=sys.stderr)
    return rows


def deployments(world, files, runs, shipgate):
    """Seconds, requests and memory of whole deployments, ours and the git program's."""
    name = f"deploy-{files}.git"
    make(world.root / name, files, world.origin)
    world.live = name
    url = f"{world.origin}/{name}"
    home = tempfile.mkdtemp(dir=world.root.parent)
    found = {"ours": [], "theirs": [], "requests": [], "their requests": [], "memory": []}
    for run in range(runs):
        before = world.requests
        report = pathlib.Path(home) / "memory"
        found["ours"].append(
            timed(
                ["/usr/bin/time", "-q", "-o", str(report), "-f", "%M", shipgate, "deploy", "--repository", url,
                 "--version", f"1.{2 * run + 1}", "--output", "json"],
                home, TMPDIR=home, HOME=home,
            )
        )
        found["requests"].append(world.requests - before)
        found["memory"].append(int(report.read_text().split()[-1]) * 1024)
        before = world.requests
        script = (
            f"git clone -q --depth=1 {url} clone && cd clone && "
            f"sed -i 's|registry.example/shop:1[.0-9]*|registry.example/shop:1.{2 * run + 2}|' {MANIFEST} && "
            "git commit -qam deploy && git push -q"
        )
        found["theirs"].append(timed(["sh", "-c", script], home))
        found["their requests"].append(world.requests - before)
        shutil.rmtree(pathlib.Path(home) / "clone")
    row = {key: statistics.median(values) for key, values in found.items()}
    print(f"  deployment, {files} files: {row}", file=sys.stderr)
    return row


def milliseconds(seconds):
    """A time for people."""
    return f"{seconds * 1000:,.1f} ms" if seconds < 0.1 else f"{seconds * 1000:,.0f} ms"


def rows_of(head, rows):
    """One Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def verdict(ratio, target):
    """A ratio beside its target."""
    if target is None:
        return [f"{ratio:.2f}", "", ""]
    return [f"{ratio:.2f}", f"at most {target:g}", "met" if ratio <= target else "**missed**"]


def table(asked, figures, before):
    """All tables as Markdown."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    changed = git(ROOT, "status", "--porcelain", "--", "src", "Cargo.toml", "Cargo.lock")
    commit = git(ROOT, "rev-parse", "--short=12", "HEAD") + (" and changes" if changed else "")
    after = os.getloadavg()[0]
    quiet = max(before, after) < 1.5
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    lines = [
        f"Measured on {today} at commit {commit}: {cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, "
        f"load {before:.1f} at the beginning and {after:.1f} at the end"
        f"{'' if quiet else ' (not quiet: other programs ran, the ratios are rough)'}; "
        f"{git(ROOT, '--version')}; medians of runs that took turns.",
        "",
    ]
    head = ["", "shipgate", "git", "ratio", "target", ""]
    rows = []
    for count, (ours, theirs) in figures.get("commits", {}).items():
        target = 0.3 if count == 1 else 0.5
        what = f"commit of {count:,} file{'s' * (count > 1)} of {asked.files:,}"
        rows.append([what, milliseconds(ours), milliseconds(theirs), *verdict(ours / theirs, target)])
    for files, row in figures.get("deployments", {}).items():
        target = 2 if files == asked.files else None
        what = f"whole deployment, {files:,} files"
        ratio = verdict(row["ours"] / row["theirs"], target)
        rows.append([what, milliseconds(row["ours"]), milliseconds(row["theirs"]), *ratio])
    lines += rows_of(head, rows)
    if "deployments" in figures:
        lines += ["", *rows_of(
            ["whole deployment", "requests to the git server", "of git's", "peak memory"],
            [
                [f"{files:,} files", f"{row['requests']:.0f}", f"{row['their requests']:.0f}",
                 f"{row['memory'] / 1e6:,.0f} MB"]
                for files, row in figures["deployments"].items()
            ],
        )]
    return "\n".join(lines)


def main():
    """Measures what was asked for and prints it."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--files", type=int, default=10_000)
    reader.add_argument("--many", type=int, default=100_000, help="files of the large repository; 0 = none")
    reader.add_argument("--runs", type=int, default=9)
    reader.add_argument("--folder", default="/dev/shm" if os.path.isdir("/dev/shm") else None)
    reader.add_argument("--binary", type=os.path.abspath, default=ROOT / "target/release/shipgate")
    reader.add_argument("--only", choices=["commit", "deploy"])
    reader.add_argument("--write", action="store_true", help="put the tables into docs/git.md")
    asked = reader.parse_args()
    before = os.getloadavg()[0]
    figures = {}
    with tempfile.TemporaryDirectory(dir=asked.folder) as work:
        work = pathlib.Path(work)
        if asked.only != "deploy":
            figures["commits"] = commits(work, asked.files, asked.runs, bench_binary())
        if asked.only != "commit":
            (work / "server").mkdir()
            world = World(work / "server")
            figures["deployments"] = {asked.files: deployments(world, asked.files, asked.runs, asked.binary)}
            if asked.many:
                figures["deployments"][asked.many] = deployments(world, asked.many, 3, asked.binary)
    text = table(asked, figures, before)
    print(text)
    if asked.write:
        head, rest = PAGE.read_text().split(BEGIN)
        _, tail = rest.split(END)
        PAGE.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


main()
