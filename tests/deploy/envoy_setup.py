"""The environment of envoy_test.py: two servers, Envoy in front of them, its certificate, and a normal caller."""

import os
import re
import subprocess
import threading
import time
import urllib.request

import yaml

from checks import check, make_certificate, reserve_port, wait_until
from http2_caller import SERVICE

SOURCE = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
LIST = SERVICE + "ListSyncs"
CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
# The settings of envoy.yaml that the checks are about.
MAX_HEADER_BYTES, MAX_HEADERS, MAX_STREAMS, MAX_CONNECTIONS = 7 << 10, 64, 1000, 500
WINDOW = 1 << 20


def pod():
    """Returns the pod spec of Envoy on Kubernetes."""
    with open(f"{SOURCE}/deploy/k8s/components/envoy/deployment.yaml") as file:
        return yaml.safe_load(file)["spec"]["template"]["spec"]


class Certificate:
    """A mounted Secret: files in a directory behind a symbolic link, replaced as the kubelet does it."""

    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory)
        self.put("first")
        for key in ("tls.crt", "tls.key"):
            os.symlink(f"..data/{key}", f"{directory}/{key}")

    def put(self, name):
        version = f"{self.directory}/..{name}"
        os.makedirs(version)
        make_certificate(f"{version}/{name}", name)
        os.rename(f"{version}/{name}.crt", f"{version}/tls.crt")
        os.rename(f"{version}/{name}.key", f"{version}/tls.key")
        os.symlink(os.path.basename(version), f"{self.directory}/..data.new")
        os.rename(f"{self.directory}/..data.new", f"{self.directory}/..data")

    @property
    def path(self):
        return f"{self.directory}/tls.crt"


class Server:
    """A syncline-server on loopback."""

    def __init__(self, binary, dsn_file, directory, name, *flags):
        self.port, self.port_file = reserve_port(), f"{directory}/{name}.json"
        self.command = [
            binary,
            "--postgres_dsn_file",
            dsn_file,
            "--listen",
            f"127.0.0.1:{self.port}",
            "--metrics_listen",
            "127.0.0.1:0",
            "--port_file",
            self.port_file,
            *flags,
        ]
        self.log = f"{directory}/{name}.log"
        self.start()

    def start(self):
        if os.path.exists(self.port_file):
            os.remove(self.port_file)
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(self.command, stderr=log)
        if not wait_until(lambda: os.path.exists(self.port_file) and os.path.getsize(self.port_file), 60):
            raise SystemExit(f"envoy-test: a server does not start, see {self.log}")

    def connections(self):
        """Counts the established connections to its port."""
        local, established = f":{self.port:04X}", "01"
        lines = []
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            with open(table) as file:
                lines += [line.split() for line in file.readlines()[1:]]
        return sum(line[1].endswith(local) and line[3] == established for line in lines)

    def status(self, field):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(rf"^{field}:\s+(\d+)", file.read(), re.MULTILINE).group(1))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Envoy:
    def __init__(self, binary, servers, certificate, directory):
        self.port, self.status_port, self.admin_port = reserve_port(), reserve_port(), reserve_port()
        with open(f"{SOURCE}/deploy/envoy/envoy.yaml") as file:
            text = file.read()
        text = text.replace("/etc/envoy/tls", certificate.directory).replace("/etc/envoy/config", directory)
        config = yaml.safe_load(text)
        with open(f"{SOURCE}/deploy/envoy/certificate.yaml") as file:
            secret = file.read().replace("/etc/envoy/tls", certificate.directory)
        with open(f"{directory}/certificate.yaml", "w") as file:
            file.write(secret)
        ports = {"grpc": self.port, "status": self.status_port}
        for listener in config["static_resources"]["listeners"]:
            listener["address"]["socket_address"] = {
                "address": "127.0.0.1",
                "port_value": ports[listener["name"]],
            }
        config["admin"]["address"]["socket_address"]["port_value"] = self.admin_port
        for cluster in config["static_resources"]["clusters"]:
            endpoints = (
                [self.admin_port] if cluster["name"] == "admin" else [server.port for server in servers]
            )
            cluster["load_assignment"]["endpoints"] = [
                {
                    "lb_endpoints": [
                        {
                            "endpoint": {
                                "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}
                            }
                        }
                        for port in endpoints
                    ]
                }
            ]
        path = f"{directory}/envoy.yaml"
        with open(path, "w") as file:
            yaml.safe_dump(config, file)
        self.log = f"{directory}/envoy.log"
        # Runs Envoy as the pod does.
        container = pod()["containers"][0]
        self.pre_stop = container["lifecycle"]["preStop"]["exec"]["command"]
        arguments = [path if a.endswith("envoy.yaml") else a for a in container["args"]]
        self.process = subprocess.Popen(
            [binary, *arguments],
            stdout=subprocess.DEVNULL,
            stderr=open(self.log, "w"),
        )
        if not wait_until(lambda: self.ready(), 30):
            raise SystemExit(f"envoy-test: Envoy is not ready, see {self.log}")

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.status_port}{path}", timeout=5) as answer:
            return answer.read().decode()

    def ready(self):
        try:
            return "LIVE" in self.get("/ready")
        except OSError:
            return False

    def counters(self):
        """Returns Envoy's metrics by Prometheus name, summed over labels."""
        sums = {}
        for line in self.get("/stats/prometheus").splitlines():
            if line and line[0] != "#":
                name, value = re.match(r"(\w+)(?:{.*})? (\S+)", line).groups()
                sums[name] = sums.get(name, 0) + float(value)
        return sums

    def connections(self):
        """Counts the connections of callers."""
        series = f'envoy_listener_downstream_cx_active{{envoy_listener_address="127.0.0.1_{self.port}"}}'
        found = re.search(re.escape(series) + r" (\d+)", self.get("/stats/prometheus"))
        return int(found.group(1))


class Victim(threading.Thread):
    """A normal caller: repeated calls on one connection, and one call that stays open."""

    def __init__(self, test):
        super().__init__(daemon=True)
        self.caller = test.caller()
        self.open_call = self.caller.open(WATCH)
        self.worst = 0.0
        self.faults = []
        self.calls = 0
        self.going = True

    def run(self):
        while self.going:
            started = time.monotonic()
            answer = self.caller.call(LIST, timeout=10)
            self.worst = max(self.worst, time.monotonic() - started)
            self.calls += 1
            if answer.get("grpc-status") != "0":
                self.faults.append(answer)
                if len(self.faults) > 10:
                    return
            time.sleep(0.05)

    def check(self, name, limit=2.0):
        """Checks that nothing has affected it since the last check."""
        time.sleep(0.3)
        alone = not self.faults and self.open_call not in self.caller.ended and self.worst < limit
        check(
            f"{name} does not affect other callers",
            alone,
            f"worst of {self.calls} calls {self.worst * 1000:.0f} ms"
            + (f", {self.faults[:2]}" if self.faults else ""),
        )
        self.worst, self.calls, self.faults = 0.0, 0, []
