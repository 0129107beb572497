"""Measures whole processes: wall time (median of 50) and peak memory, as a table."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 50
AT = "2025-11-04T08:00:00Z"


def once(command):
    """Runs a command; returns milliseconds, peak memory in MB and the exit status."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return (time.perf_counter() - begin) * 1000, usage.ru_maxrss / 1024, process.returncode


def measure(name, command, target):
    for _ in range(3):
        once(command)
    runs = [once(command) for _ in range(RUNS)]
    wall = statistics.median(run[0] for run in runs)
    memory = max(run[1] for run in runs)
    codes = sorted({run[2] for run in runs})
    print(f"{name:34} {wall:9.2f} ms {memory:9.1f} MB   exit {codes}   {target}")
    return wall


def main():
    binary = os.path.abspath(sys.argv[1])
    size = os.path.getsize(binary) / 1e6
    print(f"binary {size:.1f} MB (target: under 16 MB)")
    measure("shipgate --version", [binary, "--version"], "target: under 3 ms, under 15 MB")
    check = measure(
        "shipgate check, local policy",
        [binary, "check", "--policy", "policies/configmap.yaml", "--at", AT],
        "target: under 6 ms, under 15 MB",
    )
    if shutil.which("jq"):
        script = measure("bash + jq, the same rules", ["bash", "benches/check.sh", "policies/configmap.yaml", AT], "")
        print(f"ratio: {script / check:.1f} times")
    else:
        print("jq is not installed: no comparison")


main()
