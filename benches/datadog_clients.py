#!/usr/bin/env python3
"""Do Datadog's own clients take the tests' stand-in for Datadog?

Installs datadog-api-client (PyPI) and datadog-ci (npm) into a folder and runs the test
`datadogs_own_clients_take_the_stand_in_for_datadog`, which starts the stand-in and calls this file again
with its address. Needs python3 with venv, npm, node and openssl; takes a minute, most of it datadog-ci's
pause of 15 seconds between two looks.
"""

import argparse
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import uuid

API_CLIENT = "datadog-api-client==2.62.0"
COMMAND_LINE = "@datadog/datadog-ci@5.25.0"
KEYS = ("hunter2-api", "hunter2-app")


def install(folder: pathlib.Path) -> None:
    python = folder / "venv/bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", API_CLIENT], check=True)
    subprocess.run(["npm", "install", "--silent", "--prefix", folder, COMMAND_LINE], check=True)


def unparsed(model: object) -> bool:
    """Is there a part that the client's models do not know?"""
    if isinstance(model, (list, tuple)):
        return any(unparsed(item) for item in model)
    if isinstance(model, dict):
        return any(unparsed(item) for item in model.values())
    if getattr(model, "_unparsed", False):
        return True
    return unparsed(getattr(model, "_data_store", {}))


def with_api_client(address: str) -> None:
    from datadog_api_client import ApiClient, Configuration
    from datadog_api_client.exceptions import ForbiddenException
    from datadog_api_client.v1.api.metrics_api import MetricsApi as MetricsOfV1
    from datadog_api_client.v1.api.monitors_api import MonitorsApi
    from datadog_api_client.v2.api.deployment_gates_api import DeploymentGatesApi
    from datadog_api_client.v2.api.metrics_api import MetricsApi as MetricsOfV2

    def configuration(api_key: str) -> Configuration:
        made = Configuration(host=address, api_key={"apiKeyAuth": api_key, "appKeyAuth": KEYS[1]})
        made.unstable_operations["trigger_deployment_gates_evaluation"] = True
        made.unstable_operations["get_deployment_gates_evaluation_result"] = True
        return made

    def request(kind: str, attributes: dict) -> dict:
        return {"data": {"type": kind, "attributes": attributes}}

    # What shipgate itself asks (see the snapshots of tests/probe/datadog.rs).
    begin = 1773136800
    query = {"name": "q0", "data_source": "metrics", "query": "avg:latency{service:ads}"}
    formula = {"formulas": [{"formula": "q0"}], "from": begin * 1000, "to": (begin + 300) * 1000}
    with ApiClient(configuration(KEYS[0])) as client:
        counts = "sum:trace.http.request.hits{version:1.1}.as_count().rollup(sum, 10)"
        answers = {
            "v1 query": MetricsOfV1(client).query_metrics(begin, begin + 300, counts),
            "v2 scalar": MetricsOfV2(client).query_scalar_data(
                body=request("scalar_request", {**formula, "queries": [{**query, "aggregator": "avg"}]})
            ),
            "v2 timeseries": MetricsOfV2(client).query_timeseries_data(
                body=request("timeseries_request", {**formula, "queries": [query], "interval": 10_000})
            ),
            "monitors": MonitorsApi(client).list_monitors(monitor_tags="service:ads"),
        }
        gates = DeploymentGatesApi(client)
        asked = {"service": "ads", "env": "production", "version": "1.1"}
        begun = gates.trigger_deployment_gates_evaluation(
            body=request("deployment_gates_evaluation_request", asked)
        )
        answers["gate, begun"] = begun
        number = uuid.UUID(str(begun.data.attributes.evaluation_id))
        for status in ("in_progress", "pass"):
            result = gates.get_deployment_gates_evaluation_result(id=number)
            assert str(result.data.attributes.gate_status) == status, result
            answers[f"gate, {status}"] = result
        assert len(answers["v1 query"].series[0].pointlist) > 20
        for name, answer in answers.items():
            assert not unparsed(answer), f"{name}: {answer}"
            print(f"datadog-api-client: {name}: taken")
    with ApiClient(configuration("wrong")) as client:
        try:
            MonitorsApi(client).list_monitors()
            raise AssertionError("a wrong key was let in")
        except ForbiddenException:
            print("datadog-api-client: a wrong key: 403")


def behind_tls(address: str, folder: pathlib.Path) -> int:
    """Puts the stand-in behind a certificate for api.localhost, as datadog-ci insists on https."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=api.localhost".split()
    files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    names = ["-addext", "subjectAltName=DNS:api.localhost"]
    subprocess.run([*command, *files, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    host, port = address.removeprefix("http://").split(":")

    def copy(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(client: socket.socket) -> None:
        try:
            secure = context.wrap_socket(client, server_side=True)
            server = socket.create_connection((host, int(port)))
        except OSError:
            return
        threading.Thread(target=copy, args=(secure, server), daemon=True).start()
        copy(server, secure)
        secure.close()

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def with_command_line(address: str, folder: pathlib.Path) -> None:
    port = behind_tls(address, folder)
    hook = folder / "names.cjs"
    hook.write_text(
        'const dns = require("dns"), lookup = dns.lookup;\n'
        'dns.lookup = (host, ...more) => lookup(host === "api.localhost" ? "127.0.0.1" : host, ...more);\n'
    )

    def gate(service: str, api_key: str) -> tuple[int, str]:
        command = [folder / "node_modules/.bin/datadog-ci", "deployment", "gate"]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DD_BETA_COMMANDS_ENABLED": "1",
            "DD_API_KEY": api_key,
            "DD_APP_KEY": KEYS[1],
            "DD_SITE": f"localhost:{port}",
            "NODE_EXTRA_CA_CERTS": str(folder / "certificate.pem"),
            "NODE_OPTIONS": f"--require {hook}",
        }
        ended = subprocess.run(
            [*command, "--service", service, "--env", "production", "--fail-on-error"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return ended.returncode, ended.stdout + ended.stderr

    for service, api_key, wanted in [("ads", KEYS[0], 0), ("bad", KEYS[0], 1), ("ads", "wrong", 1)]:
        code, output = gate(service, api_key)
        assert code == wanted, f"{service}: {code}\n{output}"
        print(f"datadog-ci: deployment gate of {service} with the key {api_key}: {code}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path, help="where the clients are installed")
    parser.add_argument("--stand-in", help="its address; used by the test")
    given = parser.parse_args()
    folder = given.folder.resolve()
    if given.stand_in:
        with_api_client(given.stand_in)
        with_command_line(given.stand_in, folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    install(folder)
    test = "cargo test --test probe own_clients -- --nocapture".split()
    environment = {**os.environ, "SHIPGATE_DATADOG_CLIENTS": str(folder)}
    sys.exit(subprocess.run(test, env=environment).returncode)


if __name__ == "__main__":
    main()
