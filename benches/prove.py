"""Tries to break the promises at length, and writes what came of it into docs/reliability.md.

    python3 benches/prove.py                      all parts
    python3 benches/prove.py tricks fuzz:policy   these alone; the other rows stay as they are
    python3 benches/prove.py --seconds 600 fuzz:policy fuzz:calendar

Each part is one row between the markers of the page. A part that has never been run says so.
What is counted, and not timed, runs in the debug profile, whose arithmetic is checked for overflow.
"""

import argparse
import datetime
import os
import pathlib
import re
import resource
import subprocess
import sys
import time

import judge_page

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/reliability.md"
BEGIN, END = "<!-- figures, written by benches/prove.py -->", "<!-- end of figures -->"
HEAD = ["part", "tried", "broken", "took", "seed", "commit", "date"]
NOT_RUN = ["not run", "", "", "", "", ""]
FUZZ_SEED = 1
# Some five edits are made of each file.
EDITOR_CASES = 200_000
KILLS = 2_000
TEXTS = 1_000_000
HISTORIES = 1_000
JUDGE_RUNS = 10_000
CANCELS = 100
WAYS_BACK = 50


class Broken(Exception):
    """A part that could not be run to its end."""


def run(command, environment=None, folder=ROOT):
    """Runs a command; returns whether it succeeded, and all that it printed."""
    print("$", " ".join(command), flush=True)
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )
    print(done.stdout[-2000:], flush=True)
    return done.returncode == 0, done.stdout


def cargo_test(*arguments, environment=None):
    """Runs tests; returns how many passed and failed, and all that they printed."""
    succeeded, text = run(["cargo", "test", *arguments], environment)
    results = re.findall(r"test result: \S+ (\d+) passed; (\d+) failed", text)
    passed = sum(int(passed) for passed, _ in results)
    failed = sum(int(failed) for _, failed in results)
    if not results or (not succeeded and failed == 0):
        raise Broken("the tests could not be run")
    return passed, failed, text


def fuzz(target, seconds):
    """Feeds a target with new inputs; what it finds stays in fuzz/target, outside of git."""
    found = ROOT / "fuzz/target/corpus" / target
    found.mkdir(parents=True, exist_ok=True)
    dictionary = ROOT / "fuzz/dictionaries" / f"{target}.dict"
    command = [
        "cargo", "+nightly", "fuzz", "run", "--sanitizer", "none", "--no-cfg-fuzzing", target,
        str(found), f"corpus/{target}", "--", f"-max_total_time={seconds}", "-max_len=4096",
        "-timeout=10", f"-seed={FUZZ_SEED}", "-print_final_stats=1",
    ]
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    succeeded, text = run(command, folder=ROOT / "fuzz")
    done = re.search(r"Done (\d+) runs in (\d+) second", text)
    if not done and "Test unit written to" not in text:
        raise Broken("the target could not be run")
    executions = re.findall(r"stat::number_of_executed_units: +(\d+)", text)
    count = int(executions[-1]) if executions else 0
    covered = re.findall(r" cov: (\d+) ", text)
    tried = f"{count:,} inputs, {int(covered[-1]) if covered else 0:,} edges of code reached"
    return tried, 0 if succeeded else 1, str(FUZZ_SEED)


def corpus(_):
    """Replays the kept inputs."""
    _, failed, _ = cargo_test("--test", "repository", "--", "corpus::")
    kept = [path for path in (ROOT / "fuzz/corpus").rglob("*") if path.is_file()]
    return f"{len(kept)} kept inputs", failed, "none"


def tricks(_):
    """Tries to be judged by another policy than the base branch's."""
    _, failed, text = cargo_test("--test", "trusted_policy", "--", "--nocapture")
    count = sum(int(count) for count in re.findall(r"tricks tried: (\d+)", text))
    return f"{count} tricks", failed, "none"


def properties(_):
    """Runs every property test with the number of cases that it has in the test suite."""
    names, cases, count = [], 0, 0
    sources = [*sorted((ROOT / "tests").rglob("*.rs")), *sorted((ROOT / "src").rglob("*.rs"))]
    for source in sources:
        blocks = re.findall(r"^ *proptest! \{\n(.*?)^ *\}\n", source.read_text(), re.M | re.S)
        for block in blocks:
            each = re.search(r"(?:with_cases\(|cases: )(\d+)", block)
            found = re.findall(r"#\[test\](?:\s|//[^\n]*)*fn (\w+)", block)
            names += found
            count += len(found)
            cases += len(found) * (int(each[1]) if each else 256)
    passed, failed, _ = cargo_test("--no-fail-fast", "--", *names)
    if passed + failed < count:
        raise Broken(f"{count} properties were found and {passed + failed} run")
    return f"{cases:,} cases of {count} properties", failed, "new each time"


def editor(_):
    """Edits random files of random objects, many more than the test suite does."""
    passed, failed, text = cargo_test(
        "--release", "--lib", "--", "--nocapture", "manifest::tests::",
        "manifest::insert::tests::properties", "yaml::usual::tests",
        environment={"PROPTEST_CASES": str(EDITOR_CASES)},
    )
    counts = re.findall(r"edits made: (\d+), refused: (\d+)", text)
    made, refused = (sum(int(count) for count in column) for column in zip(*counts or [(0, 0)]))
    tried = f"{EDITOR_CASES:,} files for each of {passed + failed} properties"
    return f"{tried}; {made:,} edits made, {refused:,} refused", failed, "new each time"


def zones(_):
    """Judges windows around every change of every zone's clock."""
    table = ROOT / "fixtures/zones/transitions.csv"
    if not table.exists():
        return None
    rows = [line.split(";") for line in table.read_text().splitlines()[2:]]
    changes = sum(len(row[0].split()) * len(row[2].split()) for row in rows)
    _, failed, _ = cargo_test("--test", "policy", "--", "time_zones::")
    names = sum(len(row[0].split()) for row in rows)
    return f"{changes:,} changes of the clock in {names} zones", failed, "none"


def trees(_):
    """Random edits of random trees, compared with what the git program writes."""
    _, failed, text = cargo_test(
        "--test", "git", "--", "--nocapture", "shapes::random", environment={"SHIPGATE_PROVE": "1"},
    )
    count = sum(int(count) for count in re.findall(r"trees tried: (\d+)", text))
    return f"{count:,} trees with up to 3 commits each", failed, "new each time"


def end_to_end(_):
    """Healthy and failing canaries, and kills at random, against real servers."""
    passed, failed, text = cargo_test(
        "--test", "end_to_end", "--", "--nocapture",
        environment={"SHIPGATE_PROVE": "1"},
    )
    runs = [f"{count} canaries that end with {code}"
            for code, count in re.findall(r"exit (\d+): (\d+) seeds", text)]
    runs += [f"{count} killed runs" for count in re.findall(r"(\d+) runs: \d+ ended before", text)]
    seeds = [int(seed) for listed in re.findall(r"seeds \[([\d, ]+)\]", text)
             for seed in listed.split(",")]
    seed = f"{min(seeds)} to {max(seeds)}" if seeds else "none"
    return "; ".join([f"{passed + failed} tests", *runs]), failed, seed


def cuts(_):
    """Cuts the connection at every 50th byte of a push and of a whole deployment, both ways."""
    _, failed, text = cargo_test(
        "--test", "git", "--", "--nocapture", "cut::",
        environment={"SHIPGATE_PROVE": "1"},
    )
    tried = [f"{count} {what} cut, of which {landed} landed" for what, count, landed
             in re.findall(r"(pushes|deployments) cut: (\d+), of which (\d+) landed", text)]
    return "; ".join(tried), failed, "none"


def writers(_):
    """Lets 32 processes write to one branch at the same time, 20 times."""
    _, failed, text = cargo_test(
        "--test", "git", "--", "--nocapture", "writers::",
        environment={"SHIPGATE_PROVE": "1"},
    )
    told = re.findall(r"writers: (\d+) for (\d+) rounds: (\d+) landed, (\d+) superseded", text)
    tried = [f"{writers} writers for {rounds} rounds: {landed} landed, {other} were superseded"
             for writers, rounds, landed, other in told]
    return "; ".join(tried), failed, "none"


def interleavings(_):
    """Commits of somebody else between a deployment and its rollback."""
    _, failed, text = cargo_test(
        "--test", "deploy", "--", "--nocapture", "interleavings::",
        environment={"SHIPGATE_PROVE": "1"},
    )
    found = re.findall(r"interleavings over ([\w' ]+): (\d+) restored, (\d+) superseded", text)
    tried = [f"{restored} restored and {superseded} superseded over {over}"
             for over, restored, superseded in found]
    return "; ".join(tried) or "nothing", failed, "1 to 1000, 10001 to 10040"


def kills(_):
    """Kills deployments at random times, and runs the next one in the same place."""
    _, failed, text = cargo_test(
        "--test", "end_to_end", "--", "--nocapture", "kill_loop::",
        environment={"SHIPGATE_PROVE_KILLS": str(KILLS)},
    )
    counted = re.search(r"(\d+) kills in (\d+) places: ([^\n]+)", text)
    if not counted:
        return f"{KILLS:,} kills", max(failed, 1), "0 and on"
    last = int(counted[2]) - 1
    return f"{int(counted[1]):,} kills: {counted[3]}", failed, f"0 to {last}"


def cancels(_):
    """Cancels deployments at random times as a runner does, in every form in which a step starts them."""
    _, failed, text = cargo_test(
        "--release", "--test", "end_to_end", "--", "--nocapture", "cancel::",
        environment={"SHIPGATE_PROVE_CANCELS": str(CANCELS)},
    )
    found = re.findall(r"cancels of ([^:]+): (\d+), of which (\d+) before any push", text)
    runs = sum(int(count) for _, count, _ in found)
    early = sum(int(before) for _, _, before in found)
    tried = f"{runs:,} cancelled steps in {len(found)} forms, of which {early:,} before any push"
    return tried, failed, "71 and on"


def every_call(_):
    """Dies and fails at every call to the outside, of deployments, ways back and recoveries."""
    _, failed, text = cargo_test(
        "--test", "deploy", "--", "--nocapture", "every_call::",
        environment={"SHIPGATE_PROVE": "1"},
    )
    counted = re.findall(r"(\d+) calls, (\d+) harms tried", text)
    calls, harms = (sum(int(count) for count in column) for column in zip(*counted or [(0, 0)]))
    return f"{harms:,} deaths and failures at {calls:,} calls", failed, "none"


def audit(_):
    """Audits histories that are made up at random, half of them with planted gaps."""
    _, failed, text = cargo_test(
        "--test", "history", "--", "--nocapture", "generated::",
        environment={"SHIPGATE_PROVE_AUDIT": str(HISTORIES)},
    )
    counted = re.search(r"histories: (\d+) audited, (\d+) changes explained, (\d+) planted", text)
    if not counted:
        return f"{HISTORIES:,} histories", max(failed, 1), "0 and on"
    count, explained, gaps = map(int, counted.groups())
    tried = f"{count:,} histories: {explained:,} changes explained, {gaps:,} planted gaps found"
    return tried, failed, f"0 to {count - 1}"


def deaths(_):
    """Dies at every step and around every push, on the embedded world and against real servers."""
    _, failed, text = cargo_test(
        "--test", "deploy", "--", "--nocapture", "killed::",
        environment={"SHIPGATE_PROVE": "1"},
    )
    _, failed_there, text_there = cargo_test(
        "--test", "end_to_end", "--", "--nocapture", "resumed::",
        environment={"SHIPGATE_PROVE": "1"},
    )
    counted = re.findall(r"(\w+): (\d+) deaths, ([\w ]+)", text + text_there)
    tried = [f"{count} {what} ({shape})" for shape, count, what in counted]
    return "; ".join(tried) or "nothing", failed + failed_there, "none"


def silences(_):
    """Lets each call of a deployment in turn go to a server that never answers."""
    _, failed, text = cargo_test(
        "--test", "deploy", "--", "--nocapture", "silence::",
        environment={"SHIPGATE_PROVE": "1"},
    )
    counted = re.search(r"(\d+) silences tried: ([^\n]+)", text)
    return (f"{counted[1]} silences" if counted else "nothing"), failed, "none"


def worlds(_):
    """Whole systems from seeds: 10,000 deployments, 200 more over git's own server, planted bugs.

    Its repositories are kept in memory where the machine has such a folder.
    """
    test = ["--release", "--test", "simulation"]
    cargo_test(*test, "--", "a_seed_tells_the_same_story_again")
    memory = pathlib.Path("/dev/shm")
    environment = {"SHIPGATE_PROVE": "1", **({"TMPDIR": str(memory)} if memory.is_dir() else {})}
    parts, failed = [], 0
    for name in ["whatever", "the_same", "a_seed", "every_planted"]:
        began, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        _, broken, text = cargo_test(*test, "--", "--nocapture", name, environment=environment)
        took, since = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = since.ru_utime + since.ru_stime - used.ru_utime - used.ru_stime
        failed += broken
        for server, count, rollouts in re.findall(r"worlds over ([^:]+): (\d+) with (\d+) rollouts", text):
            parts.append(f"{int(rollouts):,} rollouts in {int(count):,} worlds over {server} "
                         f"in {took:,.0f} s ({cpu:,.0f} s of CPU)")
        planted = dict(re.findall(r"planted (\w+): (found|not found)", text))
        if planted:
            found = list(planted.values()).count("found")
            parts.append(f"{found} of {len(planted)} planted bugs found")
    return "; ".join(parts), failed, "from 0"


def way_back(_):
    """Takes bad canaries back over git's own server, and measures from the verdict to the commits."""
    succeeded, text = run(["cargo", "bench", "--bench", "way_back", "--", str(WAYS_BACK)])
    told = re.findall(r"(\w+ back): \d+ runs, shortest \d+ ms, half within (\d+) ms, "
                      r"95 of 100 within (\d+) ms, longest (\d+) ms, (\d+) not within", text)
    if not succeeded or len(told) != 2:
        raise Broken("the bench could not be run")
    tried = [f"{what}: half within {half} ms, 95 of 100 within {most} ms, longest {longest} ms"
             for what, half, most, longest, _ in told]
    return f"{WAYS_BACK} ways back; " + "; ".join(tried), int(told[0][4]), "1"


def judge(_):
    """Judges made-up canaries at length, beside the rules that others use; writes docs/judge.md."""
    _, failed, text = cargo_test(
        "--release", "--test", "judge", "--", "--nocapture", "--test-threads", "1", "simulation::",
        environment={"SHIPGATE_PROVE_JUDGE": str(JUDGE_RUNS)},
    )
    if failed:
        return f"{JUDGE_RUNS:,} runs of each setting", failed, "see tests/judge/simulation/engine.rs"
    tables = judge_page.read(text)
    judge_page.write(tables, commit())
    tried, seed = judge_page.summary(tables)
    return tried, failed, seed


def texts(_):
    """Sends random texts of what commands are made of through every sink, past the runners' parsers."""
    _, failed, text = cargo_test(
        "--test", "report", "--", "--nocapture", "untrusted::",
        environment={"SHIPGATE_PROVE_TEXTS": str(TEXTS)},
    )
    count = sum(int(count) for count in re.findall(r"texts tried: (\d+)", text))
    return f"{count:,} texts through every sink", failed, "0 and 1"


def cloudwatch(_):
    """Asks moto's CloudWatch, which checks the signature; needs `pip install 'moto[server]' boto3`."""
    built, _ = run(["cargo", "build"])
    succeeded, text = run([sys.executable, "benches/cloudwatch.py"])
    rows = re.findall(r"^(ok   |WRONG) ", text, re.MULTILINE)
    if not built or not rows:
        raise Broken("moto's CloudWatch could not be asked")
    broken = rows.count("WRONG")
    return f"{len(rows)} questions", broken if succeeded or broken else 1, "none"


def parts():
    """Returns every part by its name, in the order of the page."""
    targets = re.findall(r'path = "targets/(\w+)\.rs"', (ROOT / "fuzz/Cargo.toml").read_text())
    return {
        **{f"fuzz:{name}": lambda seconds, name=name: fuzz(name, seconds) for name in targets},
        "corpus": corpus,
        "tricks": tricks,
        "properties": properties,
        "editor": editor,
        "zones": zones,
        "trees": trees,
        "end-to-end": end_to_end,
        "cuts": cuts,
        "writers": writers,
        "interleavings": interleavings,
        "kills": kills,
        "cancels": cancels,
        "every-call": every_call,
        "audit": audit,
        "deaths": deaths,
        "silences": silences,
        "worlds": worlds,
        "way-back": way_back,
        "judge": judge,
        "texts": texts,
        "cloudwatch": cloudwatch,
    }


def commit():
    """Returns the commit that is tried, and whether the work tree differs from it."""
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, text=True,
                              stdout=subprocess.PIPE).stdout.strip()
    pages = [f":(exclude){page.relative_to(ROOT)}" for page in (PAGE, judge_page.PAGE)]
    changed = git("status", "--porcelain", "--", ".", *pages)
    return git("rev-parse", "--short=12", "HEAD") + (" and changes" if changed else "")


def measure(part, seconds):
    """Runs one part; returns its row without its name, and whether nothing broke."""
    began = time.monotonic()
    try:
        result = part(seconds)
    except (Broken, OSError) as problem:
        print(f"not run: {problem}", file=sys.stderr)
        return NOT_RUN, False
    if result is None:
        return NOT_RUN, True
    tried, broken, seed = result
    took = f"{time.monotonic() - began:,.0f} s"
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return [tried, str(broken), took, seed, commit(), today], broken == 0


def read_rows(text):
    """Returns the rows that the page has, by the names of their parts."""
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells if len(row) == len(HEAD)}


def main():
    """Runs the parts that were asked for and rewrites their rows."""
    known = parts()
    reader = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("parts", nargs="*", metavar="part", help=", ".join(known))
    reader.add_argument("--seconds", type=int, default=180, help="for each fuzz target")
    asked = reader.parse_args()
    wrong = [name for name in asked.parts if name not in known]
    if wrong:
        reader.error(f"unknown part {wrong[0]}; known: {', '.join(known)}")
    good = True
    for name in asked.parts or known:
        row, held = measure(known[name], asked.seconds)
        good &= held
        # Read again each time, so that a run that is stopped leaves what was found until then.
        before, rest = PAGE.read_text().split(BEGIN)
        figures, after = rest.split(END)
        rows = {**read_rows(figures), name: row}
        table = ["| " + " | ".join(HEAD) + " |", "| " + " | ".join(["---"] * len(HEAD)) + " |"]
        table += ["| " + " | ".join([part, *rows.get(part, NOT_RUN)]) + " |" for part in known]
        PAGE.write_text(before + BEGIN + "\n" + "\n".join(table) + "\n" + END + after)
    sys.exit(0 if good else 1)


main()
