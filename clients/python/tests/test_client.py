"""What the blocking client sends, and how it recovers."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import grpc
import pytest
from fake_server import FakeServer, abort

import syncline
import syncline.aio

ROWS = [{"id": i, "name": f"user {i}"} for i in range(1000)]


def connect(fake: FakeServer, **arguments: Any) -> syncline.Client:
    return syncline.connect(fake.address, retry_for=10, **arguments)


def stream(**arguments: Any) -> syncline.Stream:
    return syncline.Stream("rows", ROWS[:1], **arguments)


def test_five_lines(fake: FakeServer) -> None:
    with connect(fake) as client:
        result = client.load("sync", "rows", ROWS)
    assert fake.rows() == ROWS
    assert (result.outcome, result.rows) == ("appended", 1000)
    assert fake.completions[0].expected_records == 1000


def test_the_same_program_twice_sends_nothing_twice(fake: FakeServer) -> None:
    for _ in range(2):
        with connect(fake) as client, client.sync("sync", [stream()]) as sync:
            sync["rows"].write(ROWS[:600])
            sync["rows"].write(iter(ROWS[600:]))
    assert fake.rows() == ROWS
    assert len(fake.headers) == 1


def test_resume_skips_what_is_durable(fake: FakeServer) -> None:
    fake.committed[("rows", "")] = ROWS[:250]
    with connect(fake) as client, client.sync("sync", [stream()]) as sync:
        assert sync["rows"].durable_offset == 250
        sync["rows"].write(ROWS[:100])
        sync["rows"].write(ROWS[100:])
    assert fake.rows() == ROWS
    assert fake.batches[0].first_offset == 250


def test_seek_continues_a_source_that_can(fake: FakeServer) -> None:
    fake.committed[("rows", "")] = ROWS[:250]
    with connect(fake) as client, client.sync("sync", [stream()]) as sync:
        writer = sync["rows"].writer()
        with pytest.raises(ValueError, match="durable"):
            writer.seek(251)
        writer.seek(writer.durable_offset)
        writer.write(ROWS[250:])
    assert fake.rows() == ROWS


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_a_broken_call_is_repaired(fake: FakeServer, batch: int) -> None:
    fake.commit_each_batch = True
    broken: list[int] = []

    def fail_once(context: Any, number: int) -> None:
        if number == batch and not broken:
            broken.append(number)
            abort(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")

    fake.on_batch = fail_once
    with connect(fake) as client, client.sync("sync", [stream()]) as sync:
        for first in range(0, 1000, 200):
            sync["rows"].write(ROWS[first : first + 200])
    assert broken
    assert fake.rows() == ROWS
    assert len(fake.headers) == 2
    assert len(fake.starts) == 2


def test_starts_again_until_the_server_is_there(fake: FakeServer) -> None:
    def fail_twice(context: Any, number: int) -> None:
        if number < 3:
            abort(context, grpc.StatusCode.UNAVAILABLE, "DB_UNAVAILABLE", retry_after=0.01)

    fake.on_start = fail_twice
    with connect(fake) as client:
        client.load("sync", "rows", ROWS)
    assert len(fake.starts) == 3


def test_a_lost_answer_of_complete_is_asked_for_again(fake: FakeServer) -> None:
    def lose_the_first(context: Any, number: int) -> None:
        if number == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "connection reset")

    fake.after_complete = lose_the_first
    with connect(fake) as client:
        result = client.load("sync", "rows", ROWS)
    assert len(fake.completions) == 2
    assert result.rows == 1000
    assert fake.rows() == ROWS
    assert len(fake.headers) == 1


def test_a_final_error_is_raised_with_its_details(fake: FakeServer) -> None:
    def refuse(context: Any, number: int) -> None:
        abort(context, grpc.StatusCode.FAILED_PRECONDITION, "STREAM_COMPLETED", {"outcome": "x"})

    fake.on_batch = refuse
    with connect(fake) as client, pytest.raises(syncline.PreconditionFailed) as caught:
        client.load("sync", "rows", ROWS)
    assert caught.value.reason == "STREAM_COMPLETED"
    assert caught.value.metadata == {"outcome": "x"}
    assert not caught.value.retryable


def test_retries_end(fake: FakeServer) -> None:
    fake.on_batch = lambda context, number: abort(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")
    with syncline.connect(fake.address, retry_for=0.3) as client:
        started = time.monotonic()
        with pytest.raises(syncline.Unavailable):
            client.load("sync", "rows", ROWS)
        assert time.monotonic() - started < 5
    assert not fake.completions, "a server that cannot be reached says nothing about the data"


def test_another_process_is_not_pushed_out(fake: FakeServer) -> None:
    with connect(fake) as client, client.sync("sync", [stream()]) as sync:
        fake.epochs[("rows", "")] = 7  # another caller has opened the writer since StartSync
        with pytest.raises(syncline.Conflict, match="FENCED"):
            sync["rows"].write(ROWS, flush=True)
        # The error is final: a caller that goes on does not publish a part of the records.
        for action in (sync["rows"].flush, sync.complete):
            with pytest.raises(syncline.Conflict, match="FENCED"):
                action()
        sync["rows"].abandon()
    assert [c.status for c in fake.completions] == [2]


def test_an_exception_leaves_the_stream_incomplete(fake: FakeServer) -> None:
    with (
        connect(fake) as client,
        pytest.raises(RuntimeError, match="mine"),
        client.sync("sync", [stream(overwrite=True)]) as sync,
    ):
        sync["rows"].write(ROWS, flush=True)
        raise RuntimeError("mine")
    assert [c.status for c in fake.completions] == [2]
    assert fake.starts[0].streams[0].overwrite


@pytest.mark.parametrize(
    ("error", "on_error"), [(KeyboardInterrupt, "incomplete"), (RuntimeError, "keep_open")]
)
def test_a_stream_stays_open_for_its_sync_id(
    fake: FakeServer, error: type[BaseException], on_error: str
) -> None:
    with (
        connect(fake) as client,
        pytest.raises(error),
        client.sync("sync", [stream()], on_error=on_error) as sync,
    ):
        sync["rows"].write(ROWS[:10], flush=True)
        raise error
    assert not fake.completions
    with connect(fake) as client:
        client.load("sync", "rows", ROWS)
    assert fake.rows() == ROWS


def test_flush_and_checkpoint_wait_for_the_commit(fake: FakeServer) -> None:
    seen: list[syncline.Progress] = []
    with connect(fake) as client, client.sync("sync", [stream()], progress=seen.append) as sync:
        writer = sync["rows"].writer()
        writer.write(ROWS[:10], flush=True)
        assert writer.durable_offset == 10
        assert len(fake.rows()) == 10
        writer.write(ROWS[10:20])
        writer.checkpoint("first", b"state")
        writer.flush()
        assert writer.held_bytes == 0
    assert seen[0].stream == "rows"
    assert seen[-1].records_durable == 20


def test_a_failing_callback_changes_nothing(fake: FakeServer) -> None:
    def fail(state: syncline.Progress) -> None:
        raise RuntimeError("callback")

    with connect(fake) as client, client.sync("sync", [stream()], progress=fail) as sync:
        sync["rows"].write(ROWS, flush=True)
    assert fake.rows() == ROWS


def test_write_waits_while_the_window_is_full(fake: FakeServer) -> None:
    fake.commit_each_batch = True
    fake.hold.clear()
    done = threading.Event()
    rows = [{"id": i, "name": "x" * 1000} for i in range(2000)]

    def write() -> None:
        with connect(fake, window_bytes=500_000) as client:
            client.load("sync", "rows", rows)
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert not done.wait(0.5)
    held = sum(batch.ByteSize() for batch in fake.batches)
    assert held < 1_200_000
    fake.hold.set()
    assert done.wait(30)
    thread.join()
    assert len(fake.rows()) == 2000


def test_writers_load_in_parallel(fake: FakeServer) -> None:
    with connect(fake) as client, client.sync("sync", [stream()]) as sync:
        threads = [
            threading.Thread(target=sync["rows"].writer(f"w{i}").write, args=(ROWS[i::4],))
            for i in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for i in range(4):
        assert fake.rows(writer_id=f"w{i}") == ROWS[i::4]
    assert fake.completions[0].expected_records == 1000


def test_options_reach_the_server(fake: FakeServer) -> None:
    guard = syncline.Guard(min_rows=5, not_null={"id": 1.0}, max_rejected=0)
    given = stream(
        namespace="shop",
        mode="dedup",
        primary_key=["id"],
        cursor="name",
        table_name="shop.rows",
        schema_policy="freeze",
        replay="from_start",
        replace_strategy="in_place",
        meta="full",
        cdc_delete_mode="soft",
        guard=guard,
    )
    with (
        connect(fake, token="secret") as client,
        client.sync("sync", [given], connection_id="me") as sync,
    ):
        sync[("shop", "rows")].write(ROWS)
    config = fake.starts[0].streams[0]
    assert fake.metadata["authorization"] == "Bearer secret"
    assert fake.starts[0].connection_id == "me"
    assert (config.write_mode, config.cursor.path[:]) == (2, ["name"])
    assert config.primary_key[0].path[:] == ["id"]
    assert (config.schema_policy, config.replay, config.replace_strategy) == (3, 3, 3)
    assert config.meta == 1
    assert config.cdc_delete_mode == 2
    assert config.guard.min_rows == 5
    assert config.guard.HasField("max_rejected")
    assert not config.guard.HasField("max_nulled")


def test_unknown_options_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="keep, mirror, freeze"):
        stream(schema_policy="strict").to_proto()
    with pytest.raises(ValueError, match="append, dedup"):
        stream(mode="upsert").to_proto()
    with pytest.raises(ValueError, match="list of names"):
        stream(mode="dedup", primary_key="id").to_proto()


def test_rejected_records_are_objects(fake: FakeServer) -> None:
    with connect(fake) as client:
        found = list(client.rejected("sync", "rows"))
    assert [(r.offset, r.reason, r.raw) for r in found] == [
        (0, "INVALID_JSON", b"{"),
        (1, "INVALID_JSON", b"{"),
    ]


def test_a_record_that_no_message_can_carry_is_refused(fake: FakeServer) -> None:
    with connect(fake) as client, pytest.raises(syncline.RecordTooLarge, match="record 1 has"):
        client.load("sync", "rows", [{"id": 1, "name": ""}, {"id": 2, "name": "x" * 2_000_000}])
    assert fake.completions[-1].status == 2


def start_distributed(fake: FakeServer, kind: str, stream: Any) -> None:
    async def run() -> None:
        async with syncline.aio.connect(fake.address) as client:
            await client.sync("sync", [stream])

    if kind == "aio":
        asyncio.run(run())
        return
    with syncline.connect(fake.address) as client:
        client.sync("sync", [stream])


@pytest.mark.parametrize("kind", ["blocking", "aio"])
def test_a_distribution_is_sent(fake: FakeServer, kind: str) -> None:
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    start_distributed(
        fake,
        kind,
        syncline.Stream(
            "rows", schema, distribution=syncline.Distribution("id", colocate_with="shop.users")
        ),
    )
    (config,) = fake.starts[0].streams
    assert config.distribution.column == "id"
    assert config.distribution.colocate_with == "shop.users"


def test_a_distribution_needs_a_column() -> None:
    schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
    assert not syncline.Stream("rows", schema).to_proto().HasField("distribution")
    with pytest.raises(ValueError, match="column"):
        syncline.Stream("rows", schema, distribution=syncline.Distribution("")).to_proto()


@pytest.mark.parametrize("reason", ["TARGET_DISTRIBUTED", "DISTRIBUTION_DIFFERS", "WRONG_NODE"])
def test_refused_distributions(fake: FakeServer, reason: str) -> None:
    fake.on_start = lambda context, number: abort(
        context, grpc.StatusCode.FAILED_PRECONDITION, reason
    )
    with pytest.raises(syncline.PreconditionFailed) as refused:
        start_distributed(fake, "blocking", syncline.Stream("rows", [{"id": 1}]))
    assert refused.value.reason == reason
    assert not refused.value.retryable
