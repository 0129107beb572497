"""A git server behind HTTP, a service that runs what is on its branch, and repositories of many files."""

import http.server
import os
import pathlib
import re
import subprocess
import threading

MANIFEST = "clusters/prod/shop/shop.yaml"
CONFIG = """version: 1
environments:
  production: {{branch: main, root: clusters/prod/shop}}
services:
  shop:
    manifests: ["{{root}}/*.yaml"]
    image: registry.example/shop
    workloads: {{stable: Deployment/shop}}
    live: {{stable: {{http: "{origin}/version", answers: 1}}}}
    strategy: {{rolling: {{bake_time: 0s}}}}
    verification:
      interval: 1s
      health: [{{name: up, http: "{origin}/health"}}]
"""
POLICY = "version: 1\ntimezone: UTC\nblocked_dates: [2020-02-29]\n"
DEPLOYMENT = """# {name}, of the team that owns it
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, labels: {{app: {name}}}}}
spec:
  replicas: 3
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
        - name: {name}
          image: "registry.example/{name}:{version}"
          env:
            - {{name: REGION, value: eu-west-1}}
            - {{name: LOG_LEVEL, value: info}}
          resources: {{requests: {{cpu: 100m, memory: 128Mi}}, limits: {{memory: 256Mi}}}}
"""


def environment():
    """Nobody's settings of git, and no repository around."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    identity = {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "somebody"), ("EMAIL", "somebody@example.com"))
    }
    return {**kept, **identity, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}


def git(folder, *arguments, feed=None):
    """Runs git and returns what it printed."""
    run = subprocess.run(
        ["git", "-c", "gc.auto=0", *arguments], cwd=folder, env=environment(), input=feed, check=True,
        stdout=subprocess.PIPE,
    )
    return run.stdout.decode().strip()


def make(bare, files, origin):
    """Makes a bare repository with so many manifests, a hundred in a folder, and a shop to deploy."""
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main", ".")
    git(bare, "config", "http.receivepack", "true")
    texts = {
        "shipgate.yaml": CONFIG.format(origin=origin),
        "policies/production.yaml": POLICY,
        MANIFEST: DEPLOYMENT.format(name="shop", version="1.0"),
    }
    paths = [f"clusters/prod/team-{number // 100:04}/service-{number:06}.yaml" for number in range(files)]
    for number, path in enumerate(paths):
        texts[path] = DEPLOYMENT.format(name=f"service-{number:06}", version="1.0")
    who = "somebody <somebody@example.com> 1772452800 +0000"
    parts = [f"commit refs/heads/main\ncommitter {who}\ndata 5\nfirst\n"]
    parts += [f"M 100644 inline {path}\ndata {len(text)}\n{text}\n" for path, text in texts.items()]
    git(bare, "fast-import", "--quiet", feed="".join(parts).encode())
    return paths


class Handler(http.server.BaseHTTPRequestHandler):
    """Hands requests to `git http-backend`, or tells what runs."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        """Says nothing."""

    def do_GET(self):
        """Reads."""
        self.serve(b"")

    def do_POST(self):
        """Reads or writes."""
        if self.headers.get("transfer-encoding") == "chunked":
            body = b""
            while length := int(self.rfile.readline(), 16):
                body += self.rfile.read(length)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.serve(body)

    def serve(self, body):
        """Answers."""
        path, _, query = self.path.partition("?")
        world = self.server.world
        if path in ("/version", "/health"):
            self.answer(200, [], world.version().encode() if path == "/version" else b"ok")
            return
        world.requests += 1
        about = {
            "GIT_PROJECT_ROOT": str(world.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": "ci",
            "CONTENT_TYPE": self.headers.get("content-type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""), "REMOTE_ADDR": "127.0.0.1",
        }
        run = subprocess.run(
            ["git", "http-backend"], input=body, env={**environment(), **about}, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        head, _, rest = run.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = next((int(value.split()[0]) for name, value in fields if name == "Status"), 200)
        self.answer(status, [field for field in fields if field[0] != "Status"], rest)

    def answer(self, status, fields, body):
        """Sends an answer."""
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class World:
    """The server; repositories lie below `root`."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.requests = 0
        self.live = None
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.world = self
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def version(self):
        """What is on the branch runs at once."""
        text = git(self.root / self.live, "show", f"main:{MANIFEST}")
        return re.search(r"registry\.example/shop:([^\"]+)", text)[1]
