"""The servers of rolling_restart_test.py, and their health as reported by Health/Watch."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from reserved_port import reserve_port  # noqa: E402

# Maximum time that a server may take after SIGTERM: --drain_deadline, and the watchdog's addition.
DRAIN_SECONDS = 25
WATCHDOG_SECONDS = 5
# Maximum time until a draining server reports NOT_SERVING.
AT_ONCE_SECONDS = 0.5
START_SECONDS = 60

DATA, HEADERS, SETTINGS, PING = 0, 1, 4, 6
END_STREAM, ACK, END_HEADERS = 1, 1, 4
STATUS = {b"": "UNKNOWN", b"\x08\x00": "UNKNOWN", b"\x08\x01": "SERVING", b"\x08\x02": "NOT_SERVING"}


class HealthWatch(threading.Thread):
    """One call of grpc.health.v1.Health/Watch, with the time of each response."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=START_SECONDS)
        self.changed = threading.Condition()
        self.answers = []  # (time, status)
        headers = b"".join(
            b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
            for name, value in (
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", b"/grpc.health.v1.Health/Watch"),
                (b":authority", b"localhost"),
                (b"content-type", b"application/grpc"),
                (b"te", b"trailers"),
            )
        )
        self.socket.sendall(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            + self.frame(SETTINGS, 0, 0, b"")
            + self.frame(HEADERS, END_HEADERS, 1, headers)
            + self.frame(DATA, END_STREAM, 1, b"\0\0\0\0\0")
        )
        self.start()

    @staticmethod
    def frame(kind, flags, stream, payload):
        return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload

    def run(self):
        messages = b""
        try:
            with self.socket.makefile("rb") as source:
                while len(head := source.read(9)) == 9:
                    length, kind, flags, stream = int.from_bytes(head[:3], "big"), head[3], head[4], head[5:]
                    payload = source.read(length)
                    if kind in (SETTINGS, PING) and not flags & ACK:
                        self.socket.sendall(self.frame(kind, ACK, 0, payload if kind == PING else b""))
                    elif kind == DATA and int.from_bytes(stream, "big") == 1:
                        messages = self.take(messages + payload)
        except OSError:
            pass

    def take(self, messages):
        while len(messages) >= 5 and len(messages) >= 5 + (length := int.from_bytes(messages[1:5], "big")):
            with self.changed:
                self.answers.append((time.monotonic(), STATUS.get(messages[5 : 5 + length], "unreadable")))
                self.changed.notify_all()
            messages = messages[5 + length :]
        return messages

    def wait_for(self, status, seconds):
        with self.changed:
            return self.changed.wait_for(lambda: self.answers and self.answers[-1][1] == status, seconds)

    def since(self, moment):
        with self.changed:
            return [(at, status) for at, status in self.answers if at >= moment]


class Replica:
    """A server on loopback that keeps its port across restarts."""

    def __init__(self, name, binary, directory, dsn, ledger_schema):
        self.name, self.port, self.process, self.watch = name, reserve_port(), None, None
        self.log, self.port_file = f"{directory}/{name}.log", f"{directory}/{name}.ports"
        self.starts = 0
        with open(f"{directory}/dsn", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(dsn)
        self.command = [
            binary,
            f"--listen=127.0.0.1:{self.port}",
            "--metrics_listen=",
            f"--postgres_dsn_file={directory}/dsn",
            f"--ledger_schema={ledger_schema}",
            f"--port_file={self.port_file}",
            f"--drain_deadline={DRAIN_SECONDS}s",
            "--log_format=json",
        ]

    def start(self):
        """Starts the server and returns whether it serves in time."""
        if os.path.exists(self.port_file):
            os.remove(self.port_file)
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(self.command, stderr=log)
        self.starts += 1
        end = time.monotonic() + START_SECONDS
        while not os.path.exists(self.port_file):
            if time.monotonic() > end or self.process.poll() is not None:
                return False
            time.sleep(0.02)
        self.watch = HealthWatch(self.port)
        return self.watch.wait_for("SERVING", end - time.monotonic())

    def serves(self):
        return self.process.poll() is None and self.watch.answers[-1][1] == "SERVING"

    def drain(self, check):
        """Sends SIGTERM and checks the drain. Returns its duration."""
        signalled = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        told = self.watch.wait_for("NOT_SERVING", AT_ONCE_SECONDS)
        check(f"{self.name} is NOT_SERVING at once", told, self.watch.since(signalled))
        try:
            code = self.process.wait(DRAIN_SECONDS + WATCHDOG_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = "killed by the test"
        seconds = time.monotonic() - signalled
        check(f"{self.name} ends with exit code 0", code == 0, code)
        check(f"{self.name} ends within its grace time", seconds < DRAIN_SECONDS, f"{seconds:.1f} s")
        # The server repeats its status every second, so a SERVING may have been in flight.
        answers = [status for _, status in self.watch.since(signalled)]
        check(f"{self.name} stays NOT_SERVING", "SERVING" not in answers[answers.index("NOT_SERVING") :] if told else False)
        return seconds

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def log_end(self):
        if not os.path.exists(self.log):
            return ""
        with open(self.log, errors="replace") as file:
            return "".join(file.readlines()[-20:])

    def events(self, event):
        """Returns the log lines with this event, of all starts."""
        with open(self.log) as file:
            lines = [json.loads(line) for line in file if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]
