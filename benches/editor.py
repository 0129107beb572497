"""Compares the editor with the tools that people use for the same job, and writes docs/editor.md.

    python3 benches/corpus.py /dev/shm/corpus
    python3 benches/editor.py /dev/shm/corpus                      prints the tables
    python3 benches/editor.py /dev/shm/corpus --write --json out.json
    python3 benches/editor.py /dev/shm/corpus --only speed         exact, speed, overlays or large alone

Exactness is decided by bytes: `expected/` was made with the corpus, by no tool. Everything is timed as
whole processes in a memory file system (put the corpus there; copies are made beside it), so that
the disk decides nothing. A tool that is not installed is listed as "not run":

    yq (mikefarah's)   go install github.com/mikefarah/yq/v4@v4.45.4
    kustomize          go install sigs.k8s.io/kustomize/kustomize/v5@v5.7.1
    kubectl            the distribution's package
    ruamel.yaml        python3 -m venv VENV; VENV/bin/pip install ruamel.yaml pyyaml
                       and --python VENV/bin/python (also reads the values that the tools have written)

Ratios are of medians of runs that took turns in one process of this script. Where other programs share
the machine, the ratios of processor time are the steadier ones.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

from editor_page import machine, table, write_page
from editor_tools import HELPER, IMAGE, REPOSITORY, tools

RUNS = 9
SLOW = 4.0  # Seconds: what takes longer is measured once.
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
BINARY = pathlib.Path(__file__).resolve().parent.parent / "target/release/shipgate"


def fresh(source, copy, paths=None):
    """Makes a copy of a tree, or of some of its files."""
    shutil.rmtree(copy, ignore_errors=True)
    if paths is None:
        shutil.copytree(source, copy, copy_function=shutil.copyfile)
        return
    for path in paths:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, copy / path)


def timed(action):
    """Returns what the processes that an action starts cost, and what it returns: seconds by the
    clock, of the processor in the processes themselves, and with the kernel's work for them."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    result = action()
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user = after.ru_utime - before.ru_utime
    return (wall, user, user + after.ru_stime - before.ru_stime), result


def lost_comments(wanted, found, remarks):
    """Counts the comments that a file no longer has."""
    lost = 0
    for remark in set(remarks):
        sign = re.compile(r"(?:^|(?<=\s))" + re.escape(remark) + r"[ \r]*$", re.M)
        lost += max(0, len(sign.findall(wanted)) - len(sign.findall(found)))
    return lost


def extra_lines(wanted, found):
    """Counts the lines by which a file differs from what it should be."""
    run = subprocess.run(["diff", "-d", "-a", wanted, found], check=False, stdout=subprocess.PIPE)
    return len(re.findall(rb"^[<>]", run.stdout, re.M))


def judge(copy, expected, facts, refused, python):
    """Says what became of each file, as the columns of the table."""
    counts = collections.Counter(files=len(facts))
    differ = []
    for path, about in facts.items():
        found, wanted = (copy / path).read_bytes(), (expected / path).read_bytes()
        if found == wanted:
            counts["exact"] += 1
        elif path in refused:
            counts["refused"] += 1
        else:
            differ.append(path)
            counts["disturbed"] += 1
            counts["extra lines"] += extra_lines(expected / path, copy / path)
            lost = lost_comments(wanted.decode(), found.decode(errors="replace"), about["comments"])
            counts["comments lost"] += lost
            counts["files that lost comments"] += lost > 0
    counts["comments"] = sum(len(about["comments"]) for about in facts.values())
    if differ and python:
        run = subprocess.run(
            [python, HELPER, "compare", str(copy), str(expected)],
            input="\n".join(differ),
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        counts.update(collections.Counter(f"values {what}" for what in json.loads(run.stdout).values()))
    return counts


def exactness(chosen, source, expected, facts, work, python, whole=False):
    """Runs every tool once over all files that hold the image, and judges the result; with `whole` the
    files that they build on are there too."""
    rows = []
    for tool in chosen:
        if not tool.program:
            rows.append({"tool": tool.name, "version": None})
            continue
        fresh(source, work, None if whole else facts)
        (wall, user, _), refused = timed(lambda tool=tool: tool.edit(work, list(facts), facts))
        counts = judge(work, expected, facts, refused, python)
        rows.append({"tool": tool.name, "version": tool.version, "seconds": wall, "user": user, **counts})
        print(f"  {tool.name}: {counts['exact']} of {len(facts)} exact, {wall:.2f} s", file=sys.stderr)
    return rows


def seconds_by_count(chosen, source, facts, work, known):
    """Times 1, 100 and 1,000 files with the quick tools in turn; what is slow is measured once, and
    for all files that was done: `known`."""
    paths, rows = list(facts), {tool.name: {} for tool in chosen if tool.program}
    for count in sorted({min(count, len(paths)) for count in (1, 100, 1000)}):
        some = paths[:count]
        cat = []
        runs = {tool.name: [] for tool in chosen if tool.program}
        slow = {name for name in runs if count == len(paths) and known.get(name, 0) > SLOW}
        for name in slow:
            runs[name].append(known[name])
        for _ in range(RUNS):
            fresh(source, work, some)
            cat.append(
                timed(lambda some=some: subprocess.run(["cat", *some], cwd=work, check=True, **QUIET))[0][0]
            )
            for tool in chosen:
                if not tool.program or tool.name in slow:
                    continue
                fresh(source, work, some)
                (wall, _, _), _ = timed(lambda tool=tool, some=some: tool.edit(work, some, facts))
                runs[tool.name].append(wall)
                if wall > SLOW:
                    slow.add(tool.name)
        rows.setdefault("cat, reads only", {})[count] = statistics.median(cat)
        for name, walls in runs.items():
            rows[name][count] = statistics.median(walls)
    return rows


def in_turn(actions, prepare):
    """Runs actions in turn, `RUNS` times; returns the medians of what they cost."""
    found = {name: [] for name in actions}
    for _ in range(RUNS):
        for name, action in actions.items():
            prepare()
            found[name].append(timed(action)[0])
    return {
        name: tuple(statistics.median(column) for column in zip(*runs, strict=True))
        for name, runs in found.items()
    }


def speed(binary, corpus, facts, work):
    """Times the whole corpus: a plain read of all files against read, edit, proof and writing."""
    source = corpus / "files/in"
    few = set(list(facts)[:: max(1, len(facts) // 10)])
    rows = {}
    for name, kept in (
        ("the image in every tenth file", set(facts)),
        (f"the image in {len(few)} files", few),
    ):
        fresh(source, work)
        pristine = {}
        for path in facts:
            data = (source / path).read_bytes()
            if path not in kept:
                data = data.replace(REPOSITORY.encode(), REPOSITORY[:-1].encode() + b"z")
            pristine[path] = data

        def restore(pristine=pristine):
            for path, data in pristine.items():
                (work / path).write_bytes(data)

        restore()
        every = sorted(str(path.relative_to(work)) for path in work.rglob("*") if path.is_file())
        ours = [binary, "set", "--root", str(work), "--files", "**/*", "--image", IMAGE]

        def run(command, **more):
            return lambda: subprocess.run(command, check=True, **QUIET, **more)

        actions = {
            "cat FILE...": run(["cat", *every], cwd=work),
            "find FOLDER -exec cat {} +": run(
                ["find", ".", "-type", "f", "-exec", "cat", "{}", "+"], cwd=work
            ),
            "shipgate set --dry-run": run([*ours, "--dry-run"]),
            "shipgate set": run(ours),
        }
        rows[name] = {
            "files": len(every),
            "megabytes": sum((work / path).stat().st_size for path in every) / 1e6,
            "times": in_turn(actions, restore),
        }
        for path in facts:
            wanted = corpus / "files/expected" / path
            data = (work / path).read_bytes()
            if data != (wanted.read_bytes() if path in kept else pristine[path]):
                sys.exit(f"{path} is not what it should be; the times say nothing")
    return rows


def large(binary, corpus, work):
    """Time and peak memory on one file of 15 MiB."""
    rows = {}
    for name in ("many", "one"):
        source = corpus / f"large/in/{name}.yaml"

        def restore(source=source):
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            shutil.copyfile(source, work / source.name)

        ours = [binary, "set", "--root", str(work), "--files", "*.yaml", "--image", IMAGE]
        actions = {
            "cat": lambda source=source: subprocess.run(["cat", source], check=True, **QUIET),
            "shipgate set": lambda ours=ours: subprocess.run(ours, check=False, **QUIET),
        }
        times = in_turn(actions, restore)
        same = (work / source.name).read_bytes() == (corpus / f"large/expected/{name}.yaml").read_bytes()
        restore()
        # GNU time starts the command itself: a process that Python starts begins with Python's own peak.
        measured = subprocess.run(
            ["/usr/bin/time", "-q", "-f", "%M", *ours],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        rows[name] = {
            "bytes": source.stat().st_size,
            "exact": same,
            "times": times,
            "peak": int(measured.stderr.split()[-1]) * 1024,
        }
    return rows


def main():
    """Measures what was asked for and prints it."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("corpus", type=pathlib.Path, help="what benches/corpus.py made")
    reader.add_argument("--binary", default=str(BINARY))
    reader.add_argument("--python", default="python3", help="a Python with ruamel.yaml and PyYAML")
    reader.add_argument("--only", choices=["exact", "speed", "overlays", "large"], action="append")
    reader.add_argument("--json", type=pathlib.Path, help="where all figures go, too")
    reader.add_argument("--write", action="store_true", help="put the tables into docs/editor.md")
    asked = reader.parse_args()
    corpus = asked.corpus.resolve()
    work = corpus.with_name(corpus.name + ".work")
    index = json.loads((corpus / "index.json").read_text())
    manifests, overlays = tools(asked.binary, asked.python)
    can_compare = subprocess.run([asked.python, "-c", "import yaml"], check=False, **QUIET).returncode == 0
    python = asked.python if can_compare else None
    wanted = asked.only or ["exact", "speed", "overlays", "large"]
    figures = {"machine": machine(asked.binary), "seed": index["seed"]}
    source, expected, facts = corpus / "files/in", corpus / "files/expected", index["targets"]
    if "exact" in wanted:
        figures["exact"] = exactness(manifests, source, expected, facts, work, python)
        known = {row["tool"]: row.get("seconds", 0) for row in figures["exact"]}
        figures["seconds"] = seconds_by_count(manifests, source, facts, work, known)
    if "speed" in wanted:
        figures["speed"] = speed(asked.binary, corpus, facts, work)
    if "overlays" in wanted:
        figures["overlays"] = exactness(
            overlays, corpus / "overlays/in", corpus / "overlays/expected", index["overlays"], work, python,
            whole=True,
        )
    if "large" in wanted:
        figures["large"] = large(asked.binary, corpus, work)
    shutil.rmtree(work, ignore_errors=True)
    figures["machine"]["load after"] = round(os.getloadavg()[0], 1)
    text = table(figures)
    print(text)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    if asked.write:
        write_page(text)


main()
