"""What a writer does after interruptions, forks, failures of its threads, and takeovers."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from typing import Any

import grpc
import pytest
from fake_server import FakeServer, abort

import syncline
import syncline.aio
from syncline.results import to_result
from syncline.v1 import sync_service_pb2

ROWS = [{"id": i, "name": f"user {i}"} for i in range(1000)]
SCHEMA = {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}


def connect(fake: FakeServer, **arguments: Any) -> syncline.Client:
    return syncline.connect(fake.address, retry_for=10, **arguments)


def stream(name: str = "rows") -> syncline.Stream:
    return syncline.Stream(name, SCHEMA)


def break_then_take_over(fake: FakeServer, code: grpc.StatusCode, reason: str) -> None:
    """The second batch breaks its call, and at the fourth another caller takes the writer over."""

    def fail(context: Any, number: int) -> None:
        if number == 2:
            abort(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")
        if number == 4:
            fake.epochs[("rows", "")] += 1
            abort(context, code, reason)

    fake.commit_each_batch = True
    fake.on_batch = fail


# A call that breaks while it sends may lose the error of the server.
TAKEOVERS = [(grpc.StatusCode.ABORTED, "FENCED"), (grpc.StatusCode.UNAVAILABLE, "DRAINING")]


@pytest.mark.parametrize(("code", "reason"), TAKEOVERS)
def test_a_takeover_is_final_even_after_a_retry(fake: FakeServer, code: Any, reason: str) -> None:
    break_then_take_over(fake, code, reason)
    with connect(fake) as client, pytest.raises(syncline.Conflict, match="FENCED"):
        with client.sync("sync", [stream()]) as sync:
            for row in ROWS[:5]:
                sync["rows"].write([row], flush=True)
    assert len(fake.headers) == 2
    assert not fake.completions, "the stream belongs to the other caller"


@pytest.mark.parametrize(("code", "reason"), TAKEOVERS)
def test_a_takeover_is_final_for_asyncio(fake: FakeServer, code: Any, reason: str) -> None:
    break_then_take_over(fake, code, reason)

    async def run() -> None:
        async with syncline.aio.connect(fake.address, retry_for=10) as client:
            async with await client.sync("sync", [stream()]) as sync:
                for row in ROWS[:5]:
                    await sync["rows"].write([row], flush=True)

    with pytest.raises(syncline.Conflict, match="FENCED"):
        asyncio.run(run())
    assert len(fake.headers) == 2
    assert not fake.completions


def write_rows(fake: FakeServer, kind: str, rows: int = 2, retry_for: float = 10) -> None:
    """Writes rows, each until it is durable, with the blocking or the asyncio client."""

    async def run() -> None:
        async with syncline.aio.connect(fake.address, retry_for=retry_for) as client:
            async with await client.sync("sync", [stream()]) as sync:
                for row in ROWS[:rows]:
                    await sync["rows"].write([row], flush=True)

    if kind == "aio":
        asyncio.run(run())
        return
    with syncline.connect(fake.address, retry_for=retry_for) as client:
        with client.sync("sync", [stream()]) as sync:
            for row in ROWS[:rows]:
                sync["rows"].write([row], flush=True)


@pytest.mark.parametrize("kind", ["blocking", "aio"])
def test_fenced_after_an_opened_call_is_final(fake: FakeServer, kind: str) -> None:
    """Another caller takes over between the answer of StartSync and the next header."""

    def break_call(context: Any, number: int) -> None:
        if number == 1:
            abort(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")

    def take_over(context: Any, number: int) -> None:
        if number == 2:
            fake.epochs[("rows", "")] += 1

    fake.on_batch = break_call
    fake.on_append = take_over
    with pytest.raises(syncline.Conflict, match="FENCED"):
        write_rows(fake, kind)
    assert [header.expected_epoch for header in fake.headers] == [0, 1]
    assert not fake.rows()


@pytest.mark.parametrize("kind", ["blocking", "aio"])
def test_the_epoch_of_a_refused_call_is_not_ours(fake: FakeServer, kind: str) -> None:
    """The first call opens the writer and breaks before the answer; the second one is refused."""

    def fail(context: Any, number: int) -> None:
        key = ("rows", "")
        fake.committed.setdefault(key, [])
        if number == 1:
            fake.epochs[key] = 1
            abort(context, grpc.StatusCode.UNAVAILABLE, "DRAINING")
        if number == 2:
            fake.epochs[key] += 1

    fake.on_append = fail
    with pytest.raises(syncline.Conflict, match="FENCED"):
        write_rows(fake, kind)
    assert [header.expected_epoch for header in fake.headers] == [0, 1]
    assert not fake.rows()


@pytest.mark.parametrize("kind", ["blocking", "aio"])
def test_progress_without_answers_is_no_failure(fake: FakeServer, kind: str) -> None:
    """Every answer is lost, and StartSync reports what was committed."""

    def commit_and_break(context: Any, number: int) -> None:
        records = fake.committed[("rows", "")]
        batch = fake.batches[-1]
        if batch.first_offset == len(records) and batch.jsonl:
            records.append(json.loads(batch.jsonl))
            abort(context, grpc.StatusCode.UNAVAILABLE, "DRAINING", retry_after=0.15)

    fake.on_batch = commit_and_break
    write_rows(fake, kind, rows=8, retry_for=0.6)
    assert fake.rows() == ROWS[:8]
    assert len(fake.headers) > 8


def failing_source() -> Any:
    yield from ROWS[:10]
    raise OSError("the source broke")


def test_a_thread_that_failed_is_not_completed(fake: FakeServer) -> None:
    """An exception in a thread does not reach the block, which ends as if all were written."""

    def write(writer: syncline.Writer) -> None:
        with pytest.raises(OSError, match="broke"):
            writer.write(failing_source())

    with connect(fake) as client, pytest.raises(syncline.WriteUnfinished, match=r"'w1'.*broke"):
        with client.sync("sync", [stream()]) as sync:
            thread = threading.Thread(target=write, args=(sync["rows"].writer("w1"),))
            thread.start()
            thread.join()
            sync["rows"].writer("w2").write(ROWS)
    assert [c.status for c in fake.completions] == [2]


def test_a_handled_exception_does_not_stop_a_stream(fake: FakeServer) -> None:
    with connect(fake) as client, client.sync("sync", [stream()]) as sync:
        with pytest.raises(TypeError):
            sync["rows"].write([ROWS[0], "no row"])
        sync["rows"].write(ROWS[sync["rows"].writer().next_offset :])
    assert fake.rows() == ROWS
    assert [c.status for c in fake.completions] == [1]


def test_an_unfinished_write_of_asyncio(fake: FakeServer) -> None:
    async def run() -> None:
        async with syncline.aio.connect(fake.address) as client:
            async with await client.sync("sync", [stream()]) as sync:
                await asyncio.gather(sync["rows"].write(failing_source()), return_exceptions=True)

    with pytest.raises(syncline.WriteUnfinished, match="broke"):
        asyncio.run(run())
    assert [c.status for c in fake.completions] == [2]


def test_an_interrupted_write_is_sent_by_the_next(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between taking a batch and sending it."""
    with connect(fake) as client, client.sync("sync", [stream()]) as sync:
        writer = sync["rows"].writer()
        writer.write(ROWS[:10], flush=True)
        call = writer._call
        assert call is not None

        def interrupt(message: bytes) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(call, "send", interrupt)
        with pytest.raises(KeyboardInterrupt):
            writer.write(ROWS[10:20])
        writer.write(ROWS[20:])
    assert fake.rows() == ROWS


@pytest.mark.parametrize("then", ["write", "close"])
def test_a_cancelled_writer_sends_the_rest(fake: FakeServer, then: str) -> None:
    with connect(fake) as client, client.sync("sync", [stream()]) as sync:
        writer = sync["rows"].writer()
        writer.write(ROWS[:500])
        writer.cancel()
        if then == "close":
            writer.close()
            assert fake.rows() == ROWS[:500]
        writer.write(ROWS[500:])
    assert fake.rows() == ROWS


@pytest.mark.parametrize("step", ["write", "flush", "close"])
@pytest.mark.parametrize("kind", ["blocking", "asyncio"])
def test_a_stall_ends_after_its_timeout(fake: FakeServer, kind: str, step: str) -> None:
    fake.commit_each_batch = True
    fake.hold.clear()
    window_bytes = 1000 if step == "write" else 1 << 20

    async def run() -> None:
        async with syncline.aio.connect(
            fake.address, window_bytes=window_bytes, stall_timeout=0.3
        ) as client:
            async with await client.sync("sync", [stream()]) as sync:
                writer = sync["rows"].writer()
                with pytest.raises(syncline.Unavailable, match="100 records are not") as stalled:
                    await writer.write(ROWS[:100])
                    await (writer.flush() if step == "flush" else writer.close())
                assert stalled.value.reason == "STALLED"
                fake.hold.set()
                await writer.write(ROWS[100:])

    if kind == "asyncio":
        asyncio.run(run())
    else:
        with connect(fake, window_bytes=window_bytes, stall_timeout=0.3) as client:
            with client.sync("sync", [stream()]) as sync:
                writer = sync["rows"].writer()
                with pytest.raises(syncline.Unavailable, match="100 records are not") as stalled:
                    writer.write(ROWS[:100])
                    writer.flush() if step == "flush" else writer.close()
                assert stalled.value.reason == "STALLED"
                fake.hold.set()
                writer.write(ROWS[100:])
    assert fake.rows() == ROWS


def test_a_stall_leaves_the_streams_open(fake: FakeServer) -> None:
    fake.hold.clear()
    with connect(fake, stall_timeout=0.3) as client, pytest.raises(syncline.Unavailable):
        with client.sync("sync", [stream()]) as sync:
            sync["rows"].write(ROWS, flush=True)
    assert not fake.completions


def test_cancellation_of_a_task(fake: FakeServer) -> None:
    """A write() that is cancelled while it waits for commits, and a close(), can be repeated."""
    fake.commit_each_batch = True
    fake.hold.clear()

    async def run() -> None:
        async with syncline.aio.connect(fake.address, window_bytes=1000) as client:
            async with await client.sync("sync", [stream()]) as sync:
                writer = sync["rows"].writer()
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(writer.write(ROWS[:100]), 0.2)
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(writer.close(), 0.2)
                fake.hold.set()
                await writer.write(ROWS[writer.next_offset :])

    asyncio.run(run())
    assert fake.rows() == ROWS


def test_cancellation_before_a_message_is_sent(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with syncline.aio.connect(fake.address) as client:
            async with await client.sync("sync", [stream()]) as sync:
                writer = sync["rows"].writer()
                await writer.write(ROWS[:10], flush=True)

                async def stall(message: bytes) -> None:
                    await asyncio.sleep(60)

                with monkeypatch.context() as patch:
                    patch.setattr(writer, "_send", stall)
                    with pytest.raises(asyncio.TimeoutError):
                        await asyncio.wait_for(writer.write(ROWS[10:20]), 0.1)
                await writer.write(ROWS[20:])

    asyncio.run(run())
    assert fake.rows() == ROWS


@pytest.mark.parametrize("client_kind", ["blocking", "asyncio"])
def test_an_ok_without_the_records_is_no_success(
    fake: FakeServer, client_kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that ends with OK before everything is committed is repeated."""
    shortened = []
    read = fake._read

    def lose_the_first(batch: Any, expected: int, context: Any) -> list[Any]:
        if not shortened:
            shortened.append(batch)
            return []
        return read(batch, expected, context)

    monkeypatch.setattr(fake, "_read", lose_the_first)

    async def run() -> None:
        async with syncline.aio.connect(fake.address, retry_for=10) as client:
            await client.load("sync", "rows", ROWS)

    if client_kind == "blocking":
        with connect(fake) as client:
            client.load("sync", "rows", ROWS)
    else:
        asyncio.run(run())
    assert shortened
    assert fake.rows() == ROWS


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_answer_that_cannot_be_read(fake: FakeServer) -> None:
    """Whatever ends the thread that reads answers does not look like success."""

    def leave(progress: syncline.Progress) -> None:
        raise SystemExit

    with connect(fake) as client, pytest.raises(syncline.SynclineError, match="not read"):
        with client.sync("sync", [stream()], progress=leave) as sync:
            sync["rows"].write(ROWS, flush=True)


def test_an_older_answer_of_another_writer(fake: FakeServer) -> None:
    """Two writers resume at once: each continues where its own answer says."""
    with connect(fake) as client, client.sync("sync", [stream()]) as sync:
        first, second = (sync["rows"].writer(name) for name in ("a", "b"))
        second.write(ROWS[:10], flush=True)
        old = sync_service_pb2.StartSyncResponse()
        old.streams.add(descriptor=sync["rows"].plan.descriptor)
        second._call.cancel()  # type: ignore[union-attr]
        start = second._start

        def start_and_be_overtaken() -> Any:
            answer = start()
            sync._started.take_answer(old)
            return answer

        second._start = start_and_be_overtaken
        second.write(ROWS[10:], flush=True)
        first.write(ROWS)
    assert fake.rows(writer_id="b") == ROWS


def test_a_failed_completion_ends_the_calls(fake: FakeServer) -> None:
    """An error of one stream's writer leaves no call of another stream open."""
    with connect(fake) as client, pytest.raises(syncline.Conflict):
        with client.sync("sync", [stream("rows"), stream("others")]) as sync:
            sync["others"].write(ROWS)
            fake.epochs[("rows", "")] = 7
            sync["rows"].write(ROWS)
    assert sync["others"].writer()._call is None


def test_an_earlier_incomplete_end_is_an_error(fake: FakeServer) -> None:
    with connect(fake) as client:
        with pytest.raises(RuntimeError, match="mine"):
            with client.sync("sync", [stream()]) as sync:
                sync["rows"].write(ROWS, flush=True)
                raise RuntimeError("mine")
        with pytest.raises(syncline.StreamLeftIncomplete, match="another sync_id"):
            client.load("sync", "rows", ROWS)

    async def run() -> None:
        async with syncline.aio.connect(fake.address) as client:
            await client.load("sync", "rows", ROWS)

    with pytest.raises(syncline.StreamLeftIncomplete):
        asyncio.run(run())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork()")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_is_refused(fake: FakeServer) -> None:
    """A call on a channel of the parent would wait without end."""
    with connect(fake) as client, client.sync("sync", [stream()]) as sync:
        sync["rows"].write(ROWS[:10], flush=True)
        process = os.fork()
        if process == 0:
            refused = 0
            for action in (lambda: client.get_sync("sync"), lambda: sync["rows"].write(ROWS)):
                try:
                    action()
                except RuntimeError:
                    refused += 1
            os._exit(refused)
        _, status = os.waitpid(process, 0)
        assert os.WEXITSTATUS(status) == 2
        sync["rows"].write(ROWS[10:])
    assert fake.rows() == ROWS


def test_secrets_are_not_printed() -> None:
    text = repr(syncline.Connection("host:1", token="hush", client_key=b"hush"))
    assert "host:1" in text
    assert "hush" not in text


def test_an_outcome_of_a_newer_server() -> None:
    answer = sync_service_pb2.CompleteStreamResponse(outcome=99, rows=1)
    assert to_result("rows", answer).outcome == "outcome_99"
