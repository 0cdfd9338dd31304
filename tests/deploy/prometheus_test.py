"""Runs every expression of the alert rules and of the Grafana dashboard against a Prometheus that scrapes real loads.

An expression fails if Prometheus rejects it. An expression of the dashboard also fails if it returns no series, and one
of the rules if a metric that it uses has no series. scripts/prometheus-test starts it, with a PostgreSQL.

  prometheus_test.py --prometheus BINARY --server BINARY --client BINARY --dsn DSN --rules FILE --directory SCRATCH
"""

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from checks import check, make_certificate, make_token, reserve_port, summary, wait_until

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
METRIC = re.compile(r"\b(?:syncline|process)_[a-z_]+\b")
# The alerts that the loads below must cause.
FIRING = {"SynclineRecordsRejected", "SynclineValuesNulled", "SynclineFieldsUndeclared"}


class Loads(threading.Thread):
    """Loads during the whole test, so that every rate has data: clean appends, appends with rejected records, nulled
    values and undeclared fields, replaces and merges."""

    def __init__(self, options, port):
        super().__init__(daemon=True)
        self.options, self.port, self.going, self.round, self.faults = options, port, True, 0, []
        with open(f"{options.directory}/schema.json", "w") as file:
            json.dump(
                {
                    "type": "object",
                    "properties": {
                        "id": {"type": "integer"},
                        "name": {"type": "string"},
                        "amount": {"type": "integer"},
                    },
                },
                file,
            )

    def records(self, name, bad):
        path = f"{self.options.directory}/{name}.jsonl"
        with open(path, "w") as file:
            for i in range(2000):
                file.write(json.dumps({"id": i, "name": f"name {i}", "amount": i}) + "\n")
            if bad:
                file.write('{"id": 1, "name": \n')
                file.write('{"id": 2, "name": "x", "amount": "not a number"}\n')
                file.write('{"id": 3, "name": "x", "amount": 1, "surprise": true}\n')
        return path

    def load(self, table, mode, path, *arguments):
        run = subprocess.run(
            [
                self.options.client,
                "load",
                path,
                "--table",
                f"prometheus_test.{table}",
                "--mode",
                mode,
                "--allow_rejected",
                "--schema",
                f"{self.options.directory}/schema.json",
                "--server",
                f"localhost:{self.port}",
                "--tls_ca_file",
                f"{self.options.directory}/tls.crt",
                *arguments,
            ],
            capture_output=True,
            text=True,
        )
        if run.returncode != 0:
            self.faults.append(run.stderr.strip()[-300:])

    def run(self):
        clean, bad = self.records("clean", False), self.records("bad", True)
        while self.going:
            self.load("appended", "append", clean)
            self.load("untidy", "append", bad)
            self.load("replaced", "overwrite", clean)
            self.load("merged", "dedup", clean, "--primary_key", "id")
            self.round += 1
            time.sleep(0.5)


class Prometheus:
    def __init__(self, binary, directory, rules, metrics_port, token):
        self.port = reserve_port()
        with open(f"{directory}/prometheus.yml", "w") as file:
            # As in the ServiceMonitor: the label "namespace" of the streams is kept.
            file.write(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: syncline/test
    honor_labels: true
    authorization: {{credentials: "{token}"}}
    static_configs: [{{targets: ["127.0.0.1:{metrics_port}"]}}]
""")
        self.log = open(f"{directory}/prometheus.log", "w")
        self.process = subprocess.Popen(
            [
                binary,
                f"--config.file={directory}/prometheus.yml",
                f"--storage.tsdb.path={directory}/data",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=warn",
            ],
            stderr=self.log,
        )
        if not wait_until(self.ready, 30):
            raise SystemExit("prometheus-test: Prometheus does not start")

    def ready(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2).status == 200
        except OSError:
            return False

    def get(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return json.load(answer)["data"], None
        except urllib.error.HTTPError as error:
            return None, json.load(error)["error"]

    def samples(self, expression):
        """Returns the samples that are numbers, or the error of Prometheus."""
        data, error = self.get("query", query=expression)
        if error:
            return None, error
        return [s for s in data["result"] if s["value"][1] != "NaN"], None


def start_server(options):
    directory = options.directory
    make_certificate(f"{directory}/tls")
    with open(f"{directory}/dsn", "w") as file:
        file.write(options.dsn)
    token = make_token(options.server, "prometheus", f"{directory}/tokens")
    port, metrics_port, port_file = reserve_port(), reserve_port(), f"{directory}/ports"
    process = subprocess.Popen(
        [
            options.server,
            "--postgres_dsn_file",
            f"{directory}/dsn",
            "--listen",
            f"127.0.0.1:{port}",
            "--metrics_listen",
            f"127.0.0.1:{metrics_port}",
            "--port_file",
            port_file,
            "--tls_cert_file",
            f"{directory}/tls.crt",
            "--tls_key_file",
            f"{directory}/tls.key",
            "--metrics_token_file",
            f"{directory}/tokens",
        ],
        stderr=open(f"{directory}/server.log", "w"),
    )
    if not wait_until(lambda: os.path.exists(port_file), 60):
        raise SystemExit("prometheus-test: the server does not start")
    return process, port, metrics_port, token


def answer_to(url, token):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def check_token(metrics_port, token):
    metrics = f"http://127.0.0.1:{metrics_port}/metrics"
    check("metrics without a token are refused", answer_to(metrics, None) == 401)
    check("metrics with a wrong token are refused", answer_to(metrics, token[:-1]) == 401)
    check("metrics with the token are served", answer_to(metrics, token) == 200)
    check("readiness needs no token", answer_to(metrics.replace("/metrics", "/readyz"), None) == 200)


def rule_expressions(prometheus):
    data, _ = prometheus.get("rules")
    for group in data["groups"]:
        for rule in group["rules"]:
            yield rule["name"], rule["query"], rule


def dashboard_expressions(dashboard):
    """Yields title and expression of every query, with the dashboard's variables replaced as Grafana does."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"].replace("$__rate_interval", "15s")
            for variable in ("job", "instance", "namespace", "stream"):
                expression = expression.replace(f"${variable}", ".*")
            yield panel["title"], expression


def check_dashboard(prometheus):
    with open(f"{SOURCE}/deploy/grafana/syncline.json") as file:
        dashboard = json.load(file)
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            check(
                f"panel {panel['title']} has a description and a unit",
                panel["description"] and panel["fieldConfig"]["defaults"]["unit"],
            )
    places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in dashboard["panels"]]
    check("no panels overlap", len(places) == len(set(places)))
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
        data, error = prometheus.get("series", **{"match[]": re.sub(r"\$\w+", ".*", selector)})
        check(
            f"variable {variable['name']} has values",
            not error and any(label in s for s in data),
            otherwise=error or "none",
        )
    for title, expression in dashboard_expressions(dashboard):
        found, error = prometheus.samples(expression)
        check(f"panel {title}", found, otherwise=f"{error or 'no series'}: {expression}")


def check_rules(prometheus):
    rules = list(rule_expressions(prometheus))
    for name, expression, rule in rules:
        check(f"alert {name} is evaluated", rule["health"] == "ok", otherwise=rule.get("lastError", rule["health"]))
        _, error = prometheus.samples(expression)
        check(f"alert {name} is an expression", error is None, otherwise=error)
        for metric in sorted(set(METRIC.findall(expression))):
            found, _ = prometheus.samples(f"count(last_over_time({metric}[1h]))")
            check(f"alert {name}: {metric} exists", found, otherwise="no series")

    def firing():
        return {name for name, _, rule in rule_expressions(prometheus) if rule["state"] == "firing"}

    check(
        f"{len(FIRING)} alerts fire",
        wait_until(lambda: FIRING <= firing(), 20),
        otherwise=f"missing: {FIRING - firing()}",
    )
    check("no other alert fires", firing() == FIRING, otherwise=firing() - FIRING)


def main():
    parser = argparse.ArgumentParser()
    for name in ("prometheus", "server", "client", "dsn", "rules", "directory"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    server, port, metrics_port, token = start_server(options)
    prometheus = None
    try:
        check_token(metrics_port, token)
        prometheus = Prometheus(options.prometheus, options.directory, options.rules, metrics_port, token)
        loads = Loads(options, port)
        loads.start()
        # Long enough for a rate over 15 s for every kind of load.
        check("loads run", wait_until(lambda: loads.round >= 8, 120), f"{loads.round} rounds")
        time.sleep(3)
        check_dashboard(prometheus)
        check_rules(prometheus)
        loads.going = False
        loads.join()
        check("the loads succeed", not loads.faults, otherwise=loads.faults[:2])
    finally:
        for process in [server] + ([prometheus.process] if prometheus else []):
            process.kill()
            process.wait()
    return summary("prometheus-test")


if __name__ == "__main__":
    sys.exit(main())
