"""Plans without a sync, and syncs that get streams and columns while they run."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from fake_server import FakeServer, abort

import syncline
import syncline.aio
from syncline.v1 import stream_pb2

ROWS = [{"id": i, "name": f"user {i}"} for i in range(100)]


def stream(name: str, *properties: str, **arguments: Any) -> syncline.Stream:
    schema = {"type": "object", "properties": {p: {"type": "string"} for p in properties}}
    return syncline.Stream(name, schema, **arguments)


def test_plan_registers_nothing(fake: FakeServer) -> None:
    with syncline.connect(fake.address) as client:
        (plan,) = client.plan([stream("rows", "id")], connection_id="me")

    async def run() -> list[stream_pb2.StreamPlan]:
        async with syncline.aio.connect(fake.address) as client:
            return await client.plan([stream("rows", "id")], connection_id="me")

    assert asyncio.run(run()) == [plan]
    assert plan.table_name == "t"
    for request in fake.starts:
        assert request.plan_only
        assert request.sync_id == ""
        assert request.connection_id == "me"


def test_extend(fake: FakeServer) -> None:
    fake.commit_each_batch = True
    with syncline.connect(fake.address) as client:
        with client.sync("sync", [], extend=True) as sync:
            assert not fake.starts
            (users,) = sync.extend([stream("users", "id")])
            users.write(ROWS[:50])
            fake.plan_version = 2
            (same,) = sync.extend([stream("users", "id", "name")])
            assert same is users
            assert fake.rows("users") == ROWS[:50], "older records are sent for the older plan"
            users.write([("7", "later")])
            (orders,) = sync.extend([stream("orders", "id")])
            orders.write(ROWS)
    assert [len(start.streams) for start in fake.starts] == [1, 1, 1, 0]
    assert all(start.extend for start in fake.starts)
    assert fake.rows("users") == [*ROWS[:50], {"id": "7", "name": "later"}]
    assert [header.plan_version for header in fake.headers] == [1, 2, 2]
    assert [header.expected_epoch for header in fake.headers] == [0, 1, 0]
    assert len(fake.completions) == 2


def test_a_call_that_breaks_in_an_extended_sync(fake: FakeServer) -> None:
    """Only its own stream is named again, because the first request has changed since."""

    def fail_once(context: Any, number: int) -> None:
        if number == 1:
            abort(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")

    fake.on_batch = fail_once
    with syncline.connect(fake.address, retry_for=10) as client:
        with client.sync("sync", [stream("users", "id")], extend=True) as sync:
            sync.extend([stream("orders", "id")])
            sync["orders"].write(ROWS, flush=True)
    names = [[config.descriptor.name for config in start.streams] for start in fake.starts]
    assert names == [["users"], ["orders"], ["orders"], []]


def test_extend_of_asyncio(fake: FakeServer) -> None:
    async def run() -> None:
        async with syncline.aio.connect(fake.address) as client:
            async with await client.sync("sync", [stream("users", "id")], extend=True) as sync:
                await sync["users"].write(ROWS)
                (orders,) = await sync.extend([stream("orders", "id")])
                await orders.write(ROWS)

    asyncio.run(run())
    assert fake.rows("users") == fake.rows("orders") == ROWS
    assert [len(start.streams) for start in fake.starts] == [1, 1, 0]


def test_an_exception_ends_an_extended_sync(fake: FakeServer) -> None:
    with syncline.connect(fake.address) as client, pytest.raises(RuntimeError, match="mine"):
        with client.sync("sync", [stream("users", "id")], extend=True):
            raise RuntimeError("mine")
    assert [c.status for c in fake.completions] == [2]
    assert len(fake.starts[-1].streams) == 0


def test_other_syncs_cannot_be_extended(fake: FakeServer) -> None:
    with syncline.connect(fake.address) as client:
        with client.sync("sync", [stream("users", "id")]) as sync:
            with pytest.raises(ValueError, match="extend=True"):
                sync.extend([stream("orders", "id")])
    assert len(fake.starts) == 1


def test_options_of_generations() -> None:
    given = stream(
        "rows",
        "id",
        generation_id=2,
        minimum_generation_id=0,
        older_generations="mark_deleted",
        deleted_at_column="deleted_at",
        inferred_schema=True,
    )
    config = given.to_proto()
    assert config.older_generations == stream_pb2.OLDER_GENERATIONS_MARK_DELETED
    assert config.deleted_at_column == "deleted_at"
    assert config.inferred_schema
    with pytest.raises(ValueError, match="keep, mark_deleted"):
        stream("rows", "id", older_generations="drop").to_proto()


def test_plan_and_extend_with_the_real_server(real: Any, database: Any) -> None:
    sync_id = f"py-{uuid.uuid4().hex[:12]}"
    with syncline.connect(real.address) as client:
        for _ in range(2):  # the same program twice
            with client.sync(sync_id, [], extend=True) as sync:
                sync.extend([stream("users", "id", namespace=database.schema)])
                sync["users"].write([("1",), ("2",)])
                wider = stream("users", "id", "name", namespace=database.schema)
                sync.extend([wider])
                sync["users"].write([("3", "c")])
                sync.extend([stream("orders", "id", namespace=database.schema)])
                sync["orders"].write([("1",)])
        found = database.query("SELECT id, name FROM {s}.users ORDER BY id")
        assert found == [("1", None), ("2", None), ("3", "c")]
        assert database.count("orders") == 1
        assert client.get_sync(sync_id).state == stream_pb2.SYNC_STATE_FINISHED
        (plan,) = client.plan([stream("users", "id", "more", namespace=database.schema)])
        assert [change.column for change in plan.changes] == ["more"]
        assert database.query("SELECT * FROM {s}.users LIMIT 0") == []


def test_older_generations_are_marked(real: Any, database: Any) -> None:
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "deleted_at": {
                "type": "string",
                "format": "date-time",
                "airbyte_type": "timestamp_with_timezone",
            },
        },
    }
    with syncline.connect(real.address) as client:
        for generation in (1, 2):
            result = client.load(
                f"py-{uuid.uuid4().hex[:12]}",
                "kept",
                [{"id": generation}],
                schema=schema,
                namespace=database.schema,
                generation_id=generation,
                minimum_generation_id=0,
                older_generations="mark_deleted",
                deleted_at_column="deleted_at",
            )
            assert result.rows_marked_deleted == generation - 1
    found = database.query("SELECT id FROM {s}.kept WHERE deleted_at IS NOT NULL")
    assert found == [(1,)]


def test_watch_of_asyncio(real: Any, database: Any) -> None:
    sync_id = f"py-{uuid.uuid4().hex[:12]}"

    async def run() -> list[str | None]:
        async with syncline.aio.connect(real.address) as client:
            await client.load(sync_id, "users", ROWS, namespace=database.schema)
            return [event.WhichOneof("event") async for event in client.watch(sync_id)]

    assert asyncio.run(run())[-1] == "sync_finished"
