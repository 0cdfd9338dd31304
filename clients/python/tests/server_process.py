"""The real server in a process of its own, and the database that it loads."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import grpc
import psycopg


def _reserve_port() -> socket.socket:
    """Returns a socket with a loopback port that the kernel gives to no other program.

    A server that sets SO_REUSEADDR can listen on it.
    """
    reserved = socket.socket()
    reserved.bind(("127.0.0.1", 0))
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return reserved


class ServerProcess:
    """Keeps its port and its ledger across restarts, so that a client can reach it again."""

    def __init__(self, binary: str, dsn: str, *flags: str) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self._log = Path(self._directory.name) / "log"
        self._port = _reserve_port()
        self.address = f"127.0.0.1:{self._port.getsockname()[1]}"
        self._command = [
            binary,
            f"--postgres_dsn={dsn}",
            f"--listen={self.address}",
            "--metrics_listen=",
            f"--ledger_schema=ledger_{uuid.uuid4().hex[:12]}",
            *flags,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ServerProcess:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()
        self._port.close()
        self._directory.cleanup()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stderr=log)
        # Otherwise the next attempt follows a second after the first one, and a faster client has
        # loaded everything meanwhile.
        soon = [(f"grpc.{bound}_reconnect_backoff_ms", 100) for bound in ("initial", "min", "max")]
        with grpc.insecure_channel(self.address, options=soon) as channel:
            health = channel.unary_unary("/grpc.health.v1.Health/Check")
            deadline = time.monotonic() + 60
            while True:
                try:
                    if health(b"", timeout=1) == b"\x08\x01":  # SERVING
                        return
                except grpc.RpcError:
                    pass
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the server did not start:\n{self._log.read_text()}")
                time.sleep(0.05)

    def kill(self) -> None:
        """Sends SIGKILL and waits for the end."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Database:
    """The destination, with a schema that is dropped at the end."""

    def __init__(self, dsn: str, schema: str) -> None:
        self.schema = schema
        self.connection = psycopg.connect(dsn, autocommit=True)

    def __enter__(self) -> Database:
        self.connection.execute(f'CREATE SCHEMA "{self.schema}"')
        return self

    def __exit__(self, *exception: object) -> None:
        self.connection.execute(f'DROP SCHEMA "{self.schema}" CASCADE')
        self.connection.close()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Runs `sql`, in which {s} is the schema, and returns its rows, if it has any."""
        cursor = self.connection.execute(sql.replace("{s}", f'"{self.schema}"'))
        return cursor.fetchall() if cursor.description else []

    def count(self, table: str) -> int:
        return int(self.query(f'SELECT count(*) FROM {{s}}."{table}"')[0][0])
