"""Measures whole processes: wall time (median of 50 runs) and peak memory, as a table."""

import os
import shutil
import statistics
import subprocess
import sys
import time

RUNS = 50
AT = "2025-11-04T08:00:00Z"
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


def measure(name, command, target):
    for _ in range(3):
        milliseconds(command)
    runs = [milliseconds(command) for _ in range(RUNS)]
    wall = statistics.median(run[0] for run in runs)
    codes = sorted({run[1] for run in runs})
    memory = peak_megabytes(command)
    memory = f"{memory:6.1f} MB" if memory is not None else "  ?   MB"
    print(f"{name:30} {wall:8.2f} ms {memory}   exit {codes}   {target}")
    return wall


def main():
    binary = os.path.abspath(sys.argv[1])
    print(f"binary {os.path.getsize(binary) / 1e6:.1f} MB   target: under 16 MB")
    measure("shipgate --version", [binary, "--version"], "target: under 3 ms, under 15 MB")
    check = measure(
        "shipgate check, local policy",
        [binary, "check", "--policy", "policies/configmap.yaml", "--at", AT],
        "target: under 6 ms, under 15 MB",
    )
    if shutil.which("jq"):
        script = measure("bash and jq, the same rules", ["bash", "benches/check.sh", "policies/configmap.yaml", AT], "")
        print(f"shipgate is {script / check:.1f} times as fast as the script")
    else:
        print("jq is not installed: no comparison")


main()
