"""The server under test, a process with free ports that is drained at the end."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

_START_SECONDS = 60


class ServerUnderTest:
    def __init__(self, binary: str, dsn: str, directory: Path) -> None:
        ports = directory / "ports.json"
        log = directory / "server.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    binary,
                    f"--postgres_dsn={dsn}",
                    "--listen=127.0.0.1:0",
                    "--metrics_listen=127.0.0.1:0",
                    f"--port_file={ports}",
                ],
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not ports.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise SystemExit(f"arrow: the server did not start:\n{log.read_text()}")
            time.sleep(0.02)
        self.address = f"127.0.0.1:{json.loads(ports.read_text())['grpc_port']}"

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> ServerUnderTest:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
