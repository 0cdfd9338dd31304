"""kill -9 in the middle of an Arrow load of one million rows: the table equals the source, once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

import syncline

pytest.importorskip("pyarrow")

from arrow_load import MATCHES, ROWS, load

# Killed when this many records are durable. On a busy machine hundreds of thousands more become
# durable before the signal arrives.
KILLS = (ROWS // 20, ROWS // 5)


class Durable:
    """The number of durable records, for a thread that waits for it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._records = 0

    def update(self, progress: syncline.Progress) -> None:
        with self._changed:
            self._records = progress.records_durable
            self._changed.notify_all()

    def await_records(self, records: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._records >= records, timeout=60)


def test_kill_9_of_the_server(settings: tuple[str, str], database: Any) -> None:
    """The client reaches each new server by itself and completes its load."""
    from server_process import ServerProcess

    durable = Durable()
    errors: list[BaseException] = []
    sync_id = f"py-{uuid.uuid4().hex[:12]}"

    def run() -> None:
        try:
            load(server.address, sync_id, database.schema, durable.update)
        except BaseException as error:
            errors.append(error)

    with ServerProcess(*settings) as server:
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        for records in KILLS:
            assert durable.await_records(records), errors
            server.kill()
            expect_part(database)
            server.start()
        thread.join(120)
        assert not thread.is_alive()
    assert not errors
    expect_once(database)


def test_kill_9_of_the_client(real: Any, database: Any) -> None:
    """The same program with the same sync id completes the load."""
    sync_id = f"py-{uuid.uuid4().hex[:12]}"
    for records in KILLS:
        with start_client(real.address, sync_id, database.schema) as process:
            assert process.stdout is not None
            assert any(int(line) >= records for line in process.stdout), "the load was too short"
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        expect_part(database)
    with start_client(real.address, sync_id, database.schema) as process:
        process.communicate(timeout=120)
    assert process.returncode == 0
    expect_once(database)


def start_client(address: str, sync_id: str, schema: str) -> subprocess.Popen[str]:
    program = Path(__file__).parent / "arrow_load.py"
    return subprocess.Popen(
        [sys.executable, program, address, sync_id, schema],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )


def expect_part(database: Any) -> None:
    """Checks that the load was interrupted in the middle."""
    assert 0 < database.count("users") < ROWS


def expect_once(database: Any) -> None:
    found = database.query(
        f"SELECT count(*), count(DISTINCT id), sum(id), count(*) FILTER (WHERE {MATCHES}) "
        "FROM {s}.users"
    )
    assert found == [(ROWS, ROWS, ROWS * (ROWS - 1) // 2, ROWS)]
