"""Many services on one branch: several processes at once, and one process for all of them.

    cargo build --release && python3 benches/fleet.py
    python3 benches/fleet.py --binary target/debug/shipgate --services 20 --processes 4

A real `git http-backend` answers, behind a small HTTP server with a token, on this machine. Every
service is `rolling` with no time to watch: gate, journal, commit, push, live, verified. Each way ends
with all services at the new version, which is read from the branch. Measured are wall time, the CPU
time of shipgate, and what the server uses beside it; "lost" counts the races for the branch.

  processes  so many processes at once, each with its share of the services
  one        one process for all of them, a commit each
  one commit one process for all of them, and one commit

`--table 10,100,1000` asks one process for so many services each, to see how the cost grows; `--beside 9`
gives each of them so many manifests more, in the environment, where shipgate looks for what selects its
pods. "pushes" are the requests that change refs, of all "requests" to the git server; "MB" is the most
memory that one process had.

Needs git with http-backend, and Python 3.9 or newer.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from git_race import ROOT, TOKEN, Track, cpu_of_children, environment, git

VERSION = "1.1"


def deploy(track, binary, names, pace, home):
    """Starts one process for some services; its output goes to files."""
    home.mkdir()
    more = {"HOME": str(home), "TMPDIR": str(home),
            "SHIPGATE_REPOSITORY": f"{track.origin}/shop.git", "SHIPGATE_TOKEN": TOKEN}
    (home / "services").write_text("\n".join(names) + "\n")
    command = [str(binary), "deploy", "--service-list", str(home / "services"), "--version", VERSION,
               *pace, "--keep-going", "--output", "json"]
    return subprocess.Popen(command, env=environment(**more), cwd=home,
                            stdout=(home / "out").open("w"), stderr=(home / "err").open("w"))


def wait(process):
    """Waits for a process; returns how it ended and the most memory that it had, in MB."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, used.ru_maxrss // 1024


def run(binary, services, files, beside, processes, pace):
    """Deploys all services once. Returns a row."""
    with tempfile.TemporaryDirectory() as folder:
        track = Track(pathlib.Path(folder), services, files, beside)
        for name in track.names:
            (track.live / name).write_text(VERSION)
        before, server, began = cpu_of_children(), track.server_cpu(), time.monotonic()
        homes = [track.folder / f"process-{number}" for number in range(processes)]
        running = [deploy(track, binary, track.names[number::processes], pace, home)
                   for number, home in enumerate(homes)]
        ends, memory = zip(*map(wait, running))
        row = {"seconds": time.monotonic() - began, "cpu": cpu_of_children() - before,
               "server": track.server_cpu() - server, "lost": 0, "memory": max(memory)}
        said = [json.loads((home / "out").read_text()) for home in homes]
        wrong = [f"{end['service']}: {end['exit_code']} {end['reason']}"
                 for report in said for end in report["services"] if end["exit_code"]]
        if any(ends) or wrong:
            sys.exit(f"exit codes {ends}\n" + "\n".join(wrong[:10]))
        for home in homes:
            found = re.findall(r"after (\d+) lost race", (home / "err").read_text())
            row["lost"] += sum(map(int, found))
        row["commits"] = landed(track)
        row |= track.end()
        return row


def landed(track):
    """Returns how many commits are on the branch; every service must be at the new version."""
    text = git("grep", "-h", "image:", "main", "--", "clusters/prod", folder=track.repository)
    new = sum(f":{VERSION}\"" in line for line in text.splitlines())
    if new != len(track.names):
        sys.exit(f"{new} of {len(track.names)} services are at {VERSION}")
    return int(git("rev-list", "--count", "--first-parent", "main", folder=track.repository)) - 1


def main():
    """Runs every way once, one after the other, and prints the table."""
    reader = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--binary", default=ROOT / "target/release/shipgate", type=pathlib.Path)
    reader.add_argument("--services", default=200, type=int)
    reader.add_argument("--processes", default=8, type=int)
    reader.add_argument("--parallel", default=4, type=int, help="services at once in a process")
    reader.add_argument("--files", default=10_000, type=int, help="beside those of the services")
    reader.add_argument("--beside", default=0, type=int, help="manifests more of each service")
    reader.add_argument("--table", help="numbers of services, with commas")
    asked = reader.parse_args()
    binary = asked.binary.resolve()
    if not binary.exists():
        reader.error(f"there is no {binary}: build it, or name another with --binary")
    print(f"{asked.files:,} other files, {asked.beside} manifests beside each service's own, {os.cpu_count()} cores, {git('--version')}")
    head = f"{'seconds':>8} {'CPU s':>7} {'server CPU s':>13} {'commits':>8} {'lost':>6} {'ms a service':>13} {'pushes':>7} {'requests':>9} {'MB':>5}"
    print(f"{'':26} {head}")
    each, together = ["--max-parallel", str(asked.parallel)], ["--one-commit"]
    if asked.table:
        ways = [(f"{number} services{suffix}", int(number), 1, pace)
                for number in asked.table.split(",")
                for suffix, pace in [("", each), (", one commit", together)]]
    else:
        ways = [(f"{asked.processes} processes", asked.services, asked.processes, each),
                ("one", asked.services, 1, each), ("one commit", asked.services, 1, together)]
    for name, services, processes, pace in ways:
        row = run(binary, services, asked.files, asked.beside, processes, pace)
        milliseconds = row["seconds"] / services * 1000
        print(f"{name:26} {row['seconds']:8.1f} {row['cpu']:7.2f} {row['server']:13.1f} "
              f"{row['commits']:8} {row['lost']:6} {milliseconds:13.0f} {row['pushes']:7} "
              f"{row['requests']:9} {row['memory']:5}", flush=True)


if __name__ == "__main__":
    main()
