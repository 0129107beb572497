"""Eight writers, ten commits each, one branch: shipgate against the git program's own loop.

    cargo build --release && python3 benches/git_race.py
    python3 benches/git_race.py --binary target/debug/shipgate --files 100 --commits 3

A real `git http-backend` answers both, behind a small HTTP server with a token, on this machine. Measured
are the wall time until the last writer is done and the CPU time of the writers with everything that
they start; what the server uses is shown beside it, because on a machine with few cores it is most
of both wall times.

  shipgate  `shipgate deploy` of a service with the strategy `rolling` and no time to watch: gate, journal,
            commit, push, read back, live, verified. A process for each commit, that knows nothing
            of the one before; three pushes for each commit, two of them to the service's own journal.
  git       what pipelines do by hand: clone --depth 1 once, then for each commit edit, commit, and
            `pull --rebase` and `push` until it lands. No gate, no journal, no reading back.
  git, new  the same with a clone for each commit, as in a pipeline job that starts empty.

Needs git with http-backend, and Python 3.9 or newer.
"""

import argparse
import base64
import collections
import http.server
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOKEN = "race-token"
PATTERN = """apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - {{name: app, image: "registry.example/{name}:{version}"}}
"""
BESIDE = """apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: shop}}
spec:
  selector: {{app: {name}}}
  ports: [{{port: 80}}]
"""
SERVICE = """  {name}:
    manifests: ["clusters/prod/{name}.yaml"]
    image: registry.example/{name}
    workloads: {{stable: Deployment/{name}}}
    live:
      stable: {{http: "{live}/{name}", pointer: /version, answers: 1}}
    strategy: {{rolling: {{bake_time: 0s}}}}
    verification:
      interval: 1s
      health: [{{name: answers, http: "{live}/{name}"}}]
"""
POLICY = "version: 1\ntimezone: UTC\nblocked_dates: [2020-02-29]\n"
LOOP = """set -u
cd "$HOME"
{begin}
for number in $(seq 1 {commits}); do
  {commit}
done
"""
CLONE = 'rm -rf work && git clone --quiet --depth 1 --branch main "$URL" work'
SHIPGATE = """echo "1.$number" > "$LIVE/$NAME"
  "$SHIPGATE" deploy --service "$NAME" --version "1.$number" > out 2>&1 || {{ cat out >&2; exit 1; }}"""
EDIT = """(cd work
  sed -i "s|$NAME:[0-9.]*|$NAME:1.$number|" "clusters/prod/$NAME.yaml"
  git commit --quiet --all --message "$NAME 1.$number"
  until git pull --quiet --rebase && git push --quiet; do echo lost >> ../lost; done) 2> errors || exit 1"""


def git(*arguments, folder=None):
    """Runs git without anybody's configuration and returns what it printed."""
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment(), check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


def environment(**more):
    """Returns the environment of every process that is measured."""
    return {
        "PATH": os.environ["PATH"], "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "race", "GIT_AUTHOR_EMAIL": "race@example.com",
        "GIT_COMMITTER_NAME": "race", "GIT_COMMITTER_EMAIL": "race@example.com", **more,
    }


class Handler(http.server.BaseHTTPRequestHandler):
    """`git http-backend` behind basic authentication, and what runs of each service."""

    root = live = None
    asked = collections.Counter()

    def log_message(self, *_):
        """Says nothing."""

    def do_GET(self):
        """Answers a read."""
        if self.path.startswith("/live/"):
            version = (self.live / self.path.rsplit("/", 1)[1]).read_text().strip()
            self.answer(200, [("Content-Type", "application/json")],
                        f'{{"version": "{version}"}}'.encode())
        else:
            self.backend(b"")

    def do_POST(self):
        """Answers a push or a fetch."""
        self.backend(self.body())

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def backend(self, body):
        given = (self.headers.get("Authorization") or "").removeprefix("Basic ")
        if not base64.b64decode(given).endswith(b":" + TOKEN.encode()):
            self.answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"")
            return
        path, _, query = self.path.partition("?")
        self.asked["requests"] += 1
        self.asked["pushes"] += self.command == "POST" and path.endswith("/git-receive-pack")
        done = subprocess.run(["git", "http-backend"], input=body, check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=environment(
            GIT_PROJECT_ROOT=str(self.root), GIT_HTTP_EXPORT_ALL="1", PATH_INFO=path,
            QUERY_STRING=query, REQUEST_METHOD=self.command, REMOTE_USER="race",
            REMOTE_ADDR="127.0.0.1", CONTENT_TYPE=self.headers.get("Content-Type", ""),
            CONTENT_LENGTH=str(len(body)), GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
            HTTP_CONTENT_ENCODING=self.headers.get("Content-Encoding", "")))
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().splitlines()]
        status = next((int(value.split()[0]) for name, value in lines if name == "Status"), 200)
        self.answer(status, [line for line in lines if line[0] != "Status"], content)

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def serve(root, live):
    """Serves until standard input ends; prints its port, and at the end what it was asked."""
    Handler.root, Handler.live = pathlib.Path(root), pathlib.Path(live)
    Handler.protocol_version = "HTTP/1.1"
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    print(json.dumps(Handler.asked), flush=True)


class Track:
    """A server with a repository of its own, and the writers' folders."""

    def __init__(self, folder, writers, files, beside=0):
        self.folder, self.names = folder, [f"service-{number}" for number in range(writers)]
        self.repository, self.live = folder / "remote/shop.git", folder / "live"
        self.live.mkdir(parents=True)
        self.repository.parent.mkdir()
        self.server = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(self.repository.parent), str(self.live)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.origin = f"http://127.0.0.1:{self.server.stdout.readline().strip()}"
        self.seed(files, beside)

    def seed(self, files, beside):
        """Makes the repository: the services, each with manifests beside its own in the environment, and
        other files that nobody changes."""
        work = self.folder / "seed"
        config = "version: 1\nenvironments:\n  production: {branch: main, root: clusters/prod}\nservices:\n"
        for name in self.names:
            write(work / f"clusters/prod/{name}.yaml", PATTERN.format(name=name, version="1.0"))
            config += SERVICE.format(name=name, live=f"{self.origin}/live")
            for number in range(beside):
                write(work / f"clusters/prod/{name}/{number}.yaml",
                      BESIDE.format(name=f"{name}-{number}"))
        write(work / "shipgate.yaml", config)
        write(work / "policies/production.yaml", POLICY)
        for number in range(files):
            name = f"other-{number}"
            write(work / f"clusters/staging/{number // 100}/{name}.yaml",
                  PATTERN.format(name=name, version="1.0"))
        git("init", "--quiet", "--initial-branch=main", str(work))
        # Packing in the background would still be at it while the folder goes.
        git("config", "gc.auto", "0", folder=work)
        git("add", ".", folder=work)
        git("commit", "--quiet", "--message", "first", folder=work)
        # As one pack, as a server has what was pushed to it. A plain copy would keep each file as a
        # loose object, of which every fetch would have to look for the differences anew.
        git("clone", "--quiet", "--bare", "--no-local", str(work), str(self.repository))
        for key, value in [("http.receivepack", "true"), ("receive.denyNonFastForwards", "true"),
                           ("core.logAllRefUpdates", "always"), ("receive.autogc", "false"),
                           ("gc.auto", "0")]:
            git("config", key, value, folder=self.repository)
        shutil.rmtree(work)

    def race(self, begin, commit, commits, binary):
        """Lets all writers run at once; returns wall time, their CPU time and the server's."""
        url = self.origin.replace("//", f"//race:{TOKEN}@") + "/shop.git"
        loop = LOOP.format(begin=begin, commit=commit, commits=commits)
        before, server, began = cpu_of_children(), self.server_cpu(), time.monotonic()
        running = []
        for name in self.names:
            home = self.folder / name
            home.mkdir()
            more = {"HOME": str(home), "TMPDIR": str(home), "NAME": name, "URL": url,
                    "LIVE": str(self.live), "SHIPGATE": str(binary),
                    "SHIPGATE_REPOSITORY": f"{self.origin}/shop.git", "SHIPGATE_TOKEN": TOKEN}
            running.append(subprocess.Popen(["sh", "-c", loop], env=environment(**more)))
        ends = [process.wait() for process in running]
        wall = time.monotonic() - began
        if any(ends):
            sys.exit(f"a writer failed: {ends}")
        return wall, cpu_of_children() - before, self.server_cpu() - server

    def server_cpu(self):
        """Returns the CPU time of the server and of what it started, in seconds."""
        fields = pathlib.Path(f"/proc/{self.server.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def landed(self, commits):
        """Returns how many commits are on the branch, each one on top of the one before; every
        service must be at its last version."""
        count = int(git("rev-list", "--count", "--first-parent", "main", folder=self.repository)) - 1
        for name in self.names:
            text = git("show", f"main:clusters/prod/{name}.yaml", folder=self.repository)
            if f"{name}:1.{commits}\"" not in text:
                sys.exit(f"{name} is not at 1.{commits}")
        updates = git("log", "--walk-reflogs", "--format=%H", "main", folder=self.repository)
        newest = updates.splitlines()
        for new, old in zip(newest, newest[1:]):
            git("merge-base", "--is-ancestor", old, new, folder=self.repository)
        return count

    def lost(self):
        """Returns how many races the loops of the git program lost."""
        files = self.folder.glob("service-*/lost")
        return sum(len(file.read_text().splitlines()) for file in files)

    def end(self):
        """Ends the server, and returns what it was asked."""
        self.server.stdin.close()
        asked = json.loads(self.server.stdout.read())
        self.server.wait()
        return asked


def write(path, text):
    """Writes a file with the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def cpu_of_children():
    """Returns the CPU time of all processes that were waited for, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    """Runs every way once, one after the other, and prints the table."""
    reader = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--binary", default=ROOT / "target/release/shipgate", type=pathlib.Path)
    reader.add_argument("--writers", default=8, type=int)
    reader.add_argument("--commits", default=10, type=int, help="for each writer")
    reader.add_argument("--files", default=10_000, type=int, help="beside those of the services")
    reader.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    asked = reader.parse_args()
    if asked.serve:
        serve(*asked.serve)
        return
    binary = asked.binary.resolve()
    if not binary.exists():
        reader.error(f"there is no {binary}: build it, or name another with --binary")
    ways = [("shipgate", ":", SHIPGATE.replace("{{", "{").replace("}}", "}")),
            ("git", CLONE, EDIT),
            ("git, new", ":", f"{CLONE}\n  {EDIT}")]
    wanted = asked.writers * asked.commits
    print(f"{asked.writers} writers x {asked.commits} commits, {asked.files:,} other files, "
          f"{os.cpu_count()} cores, {git('--version')}")
    print(f"{'':10} {'wall s':>8} {'CPU s':>8} {'server CPU s':>13} {'landed':>8} {'lost races':>11}")
    results = {}
    for name, begin, commit in ways:
        with tempfile.TemporaryDirectory() as folder:
            track = Track(pathlib.Path(folder), asked.writers, asked.files)
            wall, used, server = track.race(begin, commit, asked.commits, binary)
            landed = track.landed(asked.commits)
            track.end()
            lost = "" if name == "shipgate" else str(track.lost())
        results[name] = (wall, used)
        print(f"{name:10} {wall:8.1f} {used:8.2f} {server:13.1f} {landed:>5}/{wanted} {lost:>8}",
              flush=True)
        if landed != wanted:
            sys.exit(f"{name}: {wanted - landed} commits did not land once")
    ours = results["shipgate"]
    for name in ["git", "git, new"]:
        wall, used = (mine / theirs for mine, theirs in zip(ours, results[name]))
        print(f"shipgate / {name}: {wall:.2f} of the wall time, {used:.3f} of the CPU time")


if __name__ == "__main__":
    main()
