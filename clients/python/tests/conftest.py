"""Fixtures: a fake server in this process, and the real one with a database.

The real server's tests need SYNCLINE_SERVER_BINARY (the program) and SYNCLINE_TEST_DSN (a database
in which they may create schemas). They are skipped without them, and fail if CI is set.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from fake_server import FakeServer


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    server = FakeServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def settings() -> tuple[str, str]:
    """The server's program and the database's connection string."""
    binary = os.environ.get("SYNCLINE_SERVER_BINARY", "")
    dsn = os.environ.get("SYNCLINE_TEST_DSN", "")
    if not binary or not dsn:
        reason = "SYNCLINE_SERVER_BINARY and SYNCLINE_TEST_DSN are not set"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return binary, dsn


@pytest.fixture(scope="session")
def real(settings: tuple[str, str]) -> Iterator[Any]:
    """One real server for all tests that do not kill it."""
    from server_process import ServerProcess

    with ServerProcess(*settings) as server:
        yield server


@pytest.fixture
def database(settings: tuple[str, str]) -> Iterator[Any]:
    """A connection to the database, and a schema of its own for each test."""
    from server_process import Database

    with Database(settings[1], f"py_{uuid.uuid4().hex[:12]}") as opened:
        yield opened
