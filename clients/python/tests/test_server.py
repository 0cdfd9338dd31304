"""The client with the real server: tables, resume, errors and rejected records."""

from __future__ import annotations

import asyncio
import threading
import uuid
from typing import Any

import pytest

import syncline
import syncline.aio
from syncline.v1 import stream_pb2

ROWS = [{"id": i, "name": f"user {i}"} for i in range(5000)]


def new_id() -> str:
    return f"py-{uuid.uuid4().hex[:12]}"


def users(database: Any, schema: Any = None, **arguments: Any) -> syncline.Stream:
    sample = ROWS[:1] if schema is None else schema
    return syncline.Stream("users", sample, namespace=database.schema, **arguments)


def test_the_same_program_twice(real: Any, database: Any) -> None:
    sync_id = new_id()
    for _ in range(2):
        with syncline.connect(real.address) as client:
            result = client.load(sync_id, "users", ROWS, namespace=database.schema)
        assert (result.outcome, result.rows) == ("appended", 5000)
        assert database.count("users") == 5000


def test_dedup_and_overwrite(real: Any, database: Any) -> None:
    with syncline.connect(real.address) as client:
        keyed = users(database, mode="dedup", primary_key=["id"], cursor="name")
        with client.sync(new_id(), [keyed]) as sync:
            sync["users"].write([*ROWS, {"id": 1, "name": "user z"}])
        assert database.query("SELECT name FROM {s}.users WHERE id = 1") == [("user z",)]
        assert database.count("users") == 5000
        with client.sync(new_id(), [users(database, overwrite=True)]) as sync:
            sync["users"].write(ROWS[:7])
        assert database.count("users") == 7


def test_an_exception_keeps_the_old_table(real: Any, database: Any) -> None:
    with syncline.connect(real.address) as client:
        client.load(new_id(), "users", ROWS[:3], namespace=database.schema)
        sync_id = new_id()
        with pytest.raises(RuntimeError, match="mine"):
            with client.sync(sync_id, [users(database, overwrite=True)]) as sync:
                sync["users"].write(ROWS, flush=True)
                raise RuntimeError("mine")
        assert database.count("users") == 3
        (stream,) = client.get_sync(sync_id).streams
        assert stream.state == stream_pb2.STREAM_STATE_INCOMPLETE


def test_writers_flush_and_progress(real: Any, database: Any) -> None:
    seen: list[syncline.Progress] = []
    with syncline.connect(real.address) as client:
        with client.sync(new_id(), [users(database)], progress=seen.append) as sync:
            writers = [sync["users"].writer(f"w{i}") for i in range(3)]
            threads = [
                threading.Thread(target=writer.write, args=(ROWS[i::3],), kwargs={"flush": True})
                for i, writer in enumerate(writers)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert database.count("users") == 5000
            assert sum(writer.durable_offset for writer in writers) == 5000
    assert {state.writer_id for state in seen} == {"w0", "w1", "w2"}


def test_guard_and_errors(real: Any, database: Any) -> None:
    with syncline.connect(real.address) as client:
        guarded = users(database, overwrite=True, guard=syncline.Guard(min_rows=10))
        with pytest.raises(syncline.PreconditionFailed) as caught:
            with client.sync(new_id(), [guarded]) as sync:
                sync["users"].write(ROWS[:5])
        assert caught.value.reason == "PUBLISH_GUARD"
        with pytest.raises(syncline.InvalidRequest) as refused:
            client.sync(new_id(), [users(database, mode="dedup")])
        assert refused.value.reason == "MISSING_PK"
        with pytest.raises(syncline.NotFound):
            client.get_sync("no such sync")


def test_rejected_records(real: Any, database: Any) -> None:
    sync_id = new_id()
    keyed = users(database, mode="dedup", primary_key=["id"])
    with syncline.connect(real.address) as client:
        with client.sync(sync_id, [keyed]) as sync:
            sync["users"].write([{"id": 1, "name": "a"}, {"id": None, "name": "b"}])
        (record,) = client.rejected(sync_id)
    assert (record.stream, record.offset, record.reason) == ("users", 1, "MISSING_KEY")
    assert b'"b"' in record.raw


def test_asyncio(real: Any, database: Any) -> None:
    sync_id = new_id()

    async def run() -> int:
        async with syncline.aio.connect(real.address) as client:
            async with await client.sync(sync_id, [users(database)]) as sync:
                await sync["users"].write(ROWS, flush=True)
                assert sync["users"].durable_offset == 5000
            return (await client.load(sync_id, "users", ROWS, namespace=database.schema)).rows

    assert asyncio.run(run()) == 5000
    assert database.count("users") == 5000
