"""Measures whole processes: wall time (median of several runs) and peak memory, as a table."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 50
POLICY = "benches/policy.yaml"
# One question for each answer that the script and shipgate can give.
QUESTIONS = [
    ("2025-11-04T08:00:00Z", "400", 0),
    ("2025-11-04T12:00:00Z", "400", 10),
    ("2025-12-25T08:00:00Z", "400", 10),
    ("2025-11-07T06:30:00Z", "400", 11),
    ("2025-11-04T08:00:00Z", "1500", 12),
]
AT, TRAFFIC, _ = QUESTIONS[0]
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def milliseconds(command):
    """Runs a command once; returns its wall time and exit status."""
    begin = time.perf_counter()
    status = subprocess.run(command, check=False, **QUIET).returncode
    return (time.perf_counter() - begin) * 1000, status


def peak_megabytes(command):
    """Returns the peak memory. GNU time starts the command itself: a process that Python starts
    begins with Python's own peak."""
    if not shutil.which("/usr/bin/time"):
        return None
    run = subprocess.run(
        ["/usr/bin/time", "-q", "-f", "%M", *command],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
    )
    return int(run.stderr.split()[-1]) / 1024


def measure(name, command, target, count=RUNS):
    for _ in range(3):
        milliseconds(command)
    runs = [milliseconds(command) for _ in range(count)]
    wall = statistics.median(run[0] for run in runs)
    codes = sorted({run[1] for run in runs})
    memory = peak_megabytes(command)
    memory = f"{memory:6.1f} MB" if memory is not None else "  ?   MB"
    print(f"{name:36} {wall:8.2f} ms {memory}   exit {codes}   {target}")
    return wall


def same_answers(check, script):
    """Stops where the script and shipgate differ: then their times would say nothing."""
    for at, traffic, wanted in QUESTIONS:
        ours = milliseconds(check(at, traffic))[1]
        theirs = milliseconds(script(at, traffic))[1]
        if not ours == theirs == wanted:
            sys.exit(f"{at} {traffic}: shipgate {ours}, script {theirs}, expected {wanted}")


def large_policy(folder):
    """Writes 50 windows, 200 blocked dates and the names of 10,000 services."""
    days = ["Mon", "Tue", "Wed", "Thu", "Fri"]
    lines = ["version: 1", "timezone: America/New_York", "allowed_windows:"]
    for number in range(50):
        hours = f"{number % 20:02}:00-{number % 20 + 2:02}:30"
        scope = f", services: [team-{number % 10}-*]" if number % 2 else ""
        lines.append(f"  - {{name: window {number}, days: [{days[number % 5]}], hours: '{hours}'{scope}}}")
    lines.append("blocked_dates:")
    for number in range(200):
        lines.append(f"  - {{date: {2026 + number // 100}-{number // 10 % 10 + 1:02}-{number % 10 + 10}, name: day {number}}}")
    policy = os.path.join(folder, "large.yaml")
    with open(policy, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    names = os.path.join(folder, "services.txt")
    with open(names, "w", encoding="utf-8") as file:
        file.writelines(f"team-{number % 10}-service-{number}\n" for number in range(10_000))
    return policy, names


def main():
    binary = os.path.abspath(sys.argv[1])
    print(f"binary {os.path.getsize(binary) / 1e6:.1f} MB   target: under 16 MB")
    measure("shipgate --version", [binary, "--version"], "target: under 3 ms, under 15 MB")

    def check(at, traffic):
        return [binary, "check", "--policy", POLICY, "--at", at, "--traffic", traffic]

    def script(at, traffic):
        return ["bash", "benches/check.sh", POLICY, at, traffic]

    ours = measure("shipgate check, local policy", check(AT, TRAFFIC), "target: under 6 ms, under 15 MB")
    measure(
        "shipgate next --days 3650",
        [binary, "next", "--policy", "policies/production.yaml", "--days", "3650"],
        "target: under 50 ms",
    )
    with tempfile.TemporaryDirectory() as folder:
        policy, names = large_policy(folder)
        many = [binary, "check", "--policy", policy, "--service-list", names, "--at", "2026-05-12T15:00:00Z"]
        about = "10,000 services, 50 windows, 200 dates"
        measure(about[:36], many, "target: under 100 ms, as a table", 15)
        measure("the same as JSON", [*many, "--output", "json"], "", 15)
    if shutil.which("jq"):
        same_answers(check, script)
        theirs = measure("bash and jq, the same rules", script(AT, TRAFFIC), "")
        print(f"shipgate is {theirs / ours:.1f} times as fast as the script   target: at least 8")
    else:
        print("jq is not installed: no comparison")


main()
