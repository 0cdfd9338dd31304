"""What the asyncio client sends, and how it recovers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from fake_server import FakeServer, abort

import syncline
import syncline.aio

ROWS = [{"id": i, "name": f"user {i}"} for i in range(2500)]


def stream() -> syncline.Stream:
    return syncline.Stream("rows", ROWS[:1])


async def source() -> AsyncIterator[dict[str, Any]]:
    for row in ROWS:
        yield row


def test_load_twice(fake: FakeServer) -> None:
    async def run() -> syncline.StreamResult:
        async with syncline.aio.connect(fake.address) as client:
            return await client.load("sync", "rows", ROWS)

    for _ in range(2):
        assert asyncio.run(run()).rows == 2500
    assert fake.rows() == ROWS
    assert len(fake.headers) == 1


def test_an_asynchronous_source(fake: FakeServer) -> None:
    seen: list[syncline.Progress] = []

    async def run() -> None:
        async with syncline.aio.connect(fake.address) as client:
            async with await client.sync("sync", [stream()], progress=seen.append) as sync:
                await sync["rows"].write(source(), flush=True)
                assert sync["rows"].durable_offset == 2500

    asyncio.run(run())
    assert fake.rows() == ROWS
    assert seen[-1].records_durable == 2500


@pytest.mark.parametrize("batch", [1, 3])
def test_a_broken_call_is_repaired(fake: FakeServer, batch: int) -> None:
    fake.commit_each_batch = True
    broken: list[int] = []

    def fail_once(context: Any, number: int) -> None:
        if number == batch and not broken:
            broken.append(number)
            abort(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")

    fake.on_batch = fail_once

    async def run() -> None:
        async with syncline.aio.connect(fake.address, retry_for=10) as client:
            async with await client.sync("sync", [stream()]) as sync:
                for first in range(0, 2500, 500):
                    await sync["rows"].write(ROWS[first : first + 500])

    asyncio.run(run())
    assert broken
    assert fake.rows() == ROWS


def test_final_errors_and_incomplete_streams(fake: FakeServer) -> None:
    async def run() -> None:
        async with syncline.aio.connect(fake.address) as client:
            async with await client.sync("sync", [stream()]) as sync:
                await sync["rows"].write(ROWS, flush=True)
                raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        asyncio.run(run())
    assert [c.status for c in fake.completions] == [2]

    fake.on_append = lambda context, number: abort(
        context, grpc.StatusCode.NOT_FOUND, "UNKNOWN_STREAM"
    )

    async def refused() -> None:
        async with syncline.aio.connect(fake.address) as client:
            await client.load("other", "others", ROWS)

    with pytest.raises(syncline.NotFound, match="UNKNOWN_STREAM"):
        asyncio.run(refused())


def test_writers_in_parallel_and_back_pressure(fake: FakeServer) -> None:
    fake.commit_each_batch = True

    async def run() -> None:
        async with syncline.aio.connect(fake.address, window_bytes=50_000) as client:
            async with await client.sync("sync", [stream()]) as sync:
                await asyncio.gather(
                    *(sync["rows"].writer(f"w{i}").write(ROWS[i::3]) for i in range(3))
                )

    asyncio.run(run())
    for i in range(3):
        assert fake.rows(writer_id=f"w{i}") == ROWS[i::3]


def test_rejected_records(fake: FakeServer) -> None:
    async def run() -> list[int]:
        async with syncline.aio.connect(fake.address) as client:
            return [record.offset async for record in client.rejected("sync")]

    assert asyncio.run(run()) == [0, 1]
