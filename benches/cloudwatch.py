#!/usr/bin/env python3
"""Asks moto's CloudWatch with the signature checked: right keys, wrong keys, no right, no metric.

Not in CI, which has no moto: `pip install 'moto[server]' boto3`, then `just prove cloudwatch`.
Ends with 1 where an answer is not as it should be.
"""
import datetime
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import boto3

SHIPGATE = pathlib.Path(__file__).parent.parent / "target/debug/shipgate"
REGION = "eu-west-1"
QUERY = json.dumps([{"Id": "e", "MetricStat": {
    "Metric": {"Namespace": "Shop", "MetricName": "METRIC",
               "Dimensions": [{"Name": "Version", "Value": "{{version}}"}]},
    "Period": 60, "Stat": "Sum"}}])
CONFIG = """version: 1
environments: {production: {root: .}}
providers:
  cloudwatch: {region: eu-west-1, url: "URL"}
services:
  shop:
    manifests: [shop.yaml]
    image: registry.example/shop
    workloads: {stable: Deployment/shop}
    live: {stable: {http: "http://127.0.0.1:9/version"}}
    strategy: {rolling: {}}
    verification:
      count: 1
      interval: 1s
      metrics:
        - {name: errors, provider: cloudwatch, query: 'QUERY', threshold_range: {max: LIMIT}}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def client(service, url, key="AKIATEST", secret="secret"):
    return boto3.client(service, endpoint_url=url, region_name=REGION,
                        aws_access_key_id=key, aws_secret_access_key=secret)


def prepare(url):
    """Puts ten minutes of errors, and returns the keys of one who may ask and of one who may not."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    client("cloudwatch", url).put_metric_data(Namespace="Shop", MetricData=[
        {"MetricName": "Errors", "Dimensions": [{"Name": "Version", "Value": "1.1"}],
         "Timestamp": now - datetime.timedelta(minutes=minutes), "Value": 7, "Unit": "Count"}
        for minutes in range(10)])
    iam = client("iam", url)
    keys = []
    for name in ("gate", "nobody"):
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys.append((key["AccessKeyId"], key["SecretAccessKey"]))
    allow = {"Effect": "Allow", "Action": ["cloudwatch:GetMetricData", "monitoring:GetMetricData"],
             "Resource": "*"}
    iam.put_user_policy(UserName="gate", PolicyName="ask", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [allow]}))
    request = urllib.request.Request(f"{url}/moto-api/reset-auth", data=b"0", method="POST",
                                     headers={"Content-Type": "text/plain"})
    urllib.request.urlopen(request).read()
    return keys


def verify(url, keys, metric, limit):
    with tempfile.TemporaryDirectory() as folder:
        text = CONFIG.replace("URL", url).replace("QUERY", QUERY.replace("METRIC", metric))
        pathlib.Path(folder, "shipgate.yaml").write_text(text.replace("LIMIT", str(limit)))
        environment = {"AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1],
                       "PATH": os.environ["PATH"]}
        ran = subprocess.run([SHIPGATE, "verify", "--version", "1.1", "--output", "json"],
                             cwd=folder, env=environment, capture_output=True, text=True)
    report = json.loads(ran.stdout)
    assert keys[1] not in ran.stdout + ran.stderr
    return ran.returncode, report["reason"].replace(url, "URL")


def main():
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(["moto_server", "-H", "127.0.0.1", "-p", str(port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{url}/moto-api/").read()
                break
            except OSError:
                time.sleep(0.1)
        gate, nobody = prepare(url)
        rows = [
            ("right keys, within", gate, "Errors", 10, 0),
            ("right keys, above", gate, "Errors", 5, 22),
            ("no such metric", gate, "Nothing", 5, 21),
            ("wrong secret", (gate[0], "wrong-secret"), "Errors", 10, 20),
            ("unknown key", ("AKIAUNKNOWN", gate[1]), "Errors", 10, 20),
            ("no right", nobody, "Errors", 10, 20),
        ]
        wrong = 0
        for name, keys, metric, limit, wanted in rows:
            code, reason = verify(url, keys, metric, limit)
            wrong += code != wanted
            print(f"{'ok   ' if code == wanted else 'WRONG'} {name}: {code} {reason}")
        return 1 if wrong else 0
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main())
