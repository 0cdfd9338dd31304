"""The client for asyncio. It has the methods of the blocking one, as coroutines.

async with syncline.aio.connect("127.0.0.1:50051") as client:
    async with await client.sync("nightly-1", [syncline.Stream("users", rows)]) as sync:
        await sync["users"].write(rows)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Union

import grpc
import grpc.aio

from . import arrow
from .batches import RecordTooLarge, record_batches
from .config import Guard, Stream
from .errors import SynclineError, from_rpc_error, from_rpc_status
from .retry import Retry
from .rpc import (
    Connection,
    Methods,
    Progress,
    RejectedRecord,
    StartedStream,
    StartedSync,
    StreamResult,
    header_message,
    keeps_stream_open,
    report,
    to_rejected,
    to_result,
)
from .v1 import records_pb2, stream_pb2, sync_service_pb2
from .window import Window

logger = logging.getLogger("syncline")

StreamName = Union[str, "tuple[str, str]"]
OnProgress = Callable[[Progress], None]
Answer = sync_service_pb2.AppendRecordsResponse

# What grpc.aio raises for a write to a call that has ended.
_ENDED = (grpc.RpcError, grpc.aio.UsageError, asyncio.InvalidStateError)

# Rows of an asynchronous source that are collected before they are encoded.
_ROWS_AT_ONCE = 1000


def connect(target: str = "127.0.0.1:50051", **arguments: Any) -> AsyncClient:
    """Returns a client of the server at `target`, with the arguments of `Connection`."""
    return AsyncClient(Connection(target, **arguments))


class AsyncClient:
    """A connection to a server, for one event loop."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._channel = connection.open(grpc.aio.secure_channel, grpc.aio.insecure_channel)
        self._methods = Methods(self._channel)

    async def close(self) -> None:
        """Closes the connection; open calls are cancelled."""
        await self._channel.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def call_once(self, method: str, request: Any) -> Any:
        """Calls a method of the API and returns its answer, or raises a SynclineError."""
        try:
            return await self._methods[method](request, metadata=self._connection.metadata)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    async def call(self, method: str, request: Any) -> Any:
        """Calls a method like `call_once`, and again while that can help."""
        retry = Retry(self._connection.retry_for)
        while True:
            try:
                return await self.call_once(method, request)
            except SynclineError as error:
                await asyncio.sleep(retry.next_delay(error))

    async def sync(
        self,
        sync_id: str,
        streams: Sequence[Stream | Mapping[str, Any]],
        *,
        connection_id: str = "",
        progress: OnProgress | None = None,
        on_error: str = "incomplete",
    ) -> AsyncSync:
        """Starts the sync `sync_id`, or resumes it; see `Client.sync`."""
        if on_error not in ("incomplete", "keep_open"):
            raise ValueError("on_error must be one of: incomplete, keep_open")
        started = StartedSync(sync_id, streams, connection_id)
        started.take_answer(await self.call("StartSync", started.request))
        return AsyncSync(self, started, progress, on_error == "keep_open")

    async def load(self, sync_id: str, name: str, data: Any, **stream: Any) -> StreamResult:
        """Loads `data` into one stream and completes it; see `Client.load`."""
        if arrow.is_arrow(data):
            data = arrow.to_reader(data)  # a data frame is converted once
        config = Stream(name, stream.pop("schema", data), **stream)
        async with await self.sync(sync_id, [config]) as sync:
            await sync.streams[0].write(data)
        return await sync.streams[0].complete()

    async def get_sync(self, sync_id: str) -> sync_service_pb2.SyncSummary:
        """Returns the ledger's entry of a sync."""
        request = sync_service_pb2.GetSyncRequest(sync_id=sync_id)
        found: sync_service_pb2.SyncSummary = (await self.call("GetSync", request)).sync
        return found

    async def list_syncs(self) -> AsyncIterator[sync_service_pb2.SyncSummary]:
        """Yields the syncs of the ledger, newest first."""
        request = sync_service_pb2.ListSyncsRequest()
        while True:
            page = await self.call("ListSyncs", request)
            for summary in page.syncs:
                yield summary
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def cancel_sync(self, sync_id: str) -> sync_service_pb2.SyncSummary:
        """Cancels a sync permanently and returns its entry."""
        request = sync_service_pb2.CancelSyncRequest(sync_id=sync_id)
        found: sync_service_pb2.SyncSummary = (await self.call("CancelSync", request)).sync
        return found

    async def rejected(
        self, sync_id: str, name: str = "", namespace: str = ""
    ) -> AsyncIterator[RejectedRecord]:
        """Yields the records of a sync, or of one stream, that could not be loaded."""
        request = sync_service_pb2.ListRejectedRecordsRequest(sync_id=sync_id)
        if name:
            request.descriptor.CopyFrom(stream_pb2.StreamDescriptor(namespace=namespace, name=name))
        while True:
            page = await self.call("ListRejectedRecords", request)
            for record in page.records:
                yield to_rejected(record)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def open_writer(
        self,
        sync: StartedSync,
        stream: StartedStream,
        writer_id: str,
        progress: OnProgress | None,
    ) -> AsyncWriter:
        """For use by AsyncSync: makes a writer of one of its streams."""
        return AsyncWriter(
            self, self._connection, self._methods.append, sync, stream, writer_id, progress
        )


class AsyncSync:
    """A started sync. Get it from `AsyncClient.sync`."""

    def __init__(
        self,
        client: AsyncClient,
        started: StartedSync,
        progress: OnProgress | None,
        keep_open: bool,
    ) -> None:
        self._client = client
        self._started = started
        self._progress = progress
        self._keep_open = keep_open
        self.streams = [AsyncSyncStream(self, stream) for stream in started.streams]

    @property
    def sync_id(self) -> str:
        return self._started.sync_id

    def __getitem__(self, name: StreamName) -> AsyncSyncStream:
        """Returns the stream of a name, or of a (namespace, name)."""
        return self.streams[self._started.streams.index(self._started.find(name))]

    async def __aenter__(self) -> AsyncSync:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            await self.complete()
            return
        for stream in self.streams:
            await stream.cancel()
        if self._keep_open or keeps_stream_open(error):
            logger.warning("sync %s stays open and can be resumed", self.sync_id)
            return
        for stream in self.streams:
            try:
                await stream.abandon()
            except SynclineError as failed:
                logger.warning("%s was not left INCOMPLETE: %s", stream.name, failed)

    async def complete(self) -> dict[str, StreamResult]:
        """Completes every stream that has not ended, and returns the results by name."""
        for stream in self.streams:
            await stream.close()
        return {stream.name: await stream.complete() for stream in self.streams}

    async def complete_stream(
        self,
        stream: StartedStream,
        complete: bool,
        expected_records: int | None = None,
        guard: Guard | None = None,
    ) -> StreamResult:
        """For use by AsyncSyncStream: ends a stream. An answer that is lost is asked for again."""
        request = self._started.completion(stream, complete, expected_records)
        if guard is not None:
            request.guard.CopyFrom(guard.to_proto())
        answer = await self._client.call("CompleteStream", request)
        return to_result(stream.config.name, answer)

    def open_writer(self, stream: StartedStream, writer_id: str) -> AsyncWriter:
        """For use by AsyncSyncStream: makes a writer."""
        return self._client.open_writer(self._started, stream, writer_id, self._progress)


class AsyncSyncStream:
    """One stream of a sync."""

    def __init__(self, sync: AsyncSync, stream: StartedStream) -> None:
        self._sync = sync
        self._stream = stream
        self._writers: dict[str, AsyncWriter] = {}
        self._result: StreamResult | None = None
        if stream.plan.HasField("error"):
            raise from_rpc_status(stream.plan.error)

    @property
    def name(self) -> str:
        return self._stream.config.name

    @property
    def plan(self) -> stream_pb2.StreamPlan:
        """The server's plan: the table, its columns, the changes and warnings."""
        return self._stream.plan

    @property
    def durable_offset(self) -> int:
        """The number of records of the default writer that are committed."""
        return self.writer().durable_offset

    def writer(self, writer_id: str = "") -> AsyncWriter:
        """Returns the writer `writer_id`. Writers of one stream load in parallel."""
        if writer_id not in self._writers:
            self._writers[writer_id] = self._sync.open_writer(self._stream, writer_id)
        return self._writers[writer_id]

    async def write(self, data: Any, *, flush: bool = False) -> None:
        """Sends `data` through the default writer; see AsyncWriter.write."""
        await self.writer().write(data, flush=flush)

    async def flush(self) -> None:
        """Returns when everything that was written is durable."""
        for writer in self._writers.values():
            await writer.flush()

    async def close(self) -> None:
        """Ends the calls of all writers, and returns when everything is durable."""
        if self._result is not None:
            return
        for writer in self._writers.values():
            await writer.close()

    async def cancel(self) -> None:
        """Cancels the calls of all writers. What is durable stays."""
        for writer in self._writers.values():
            await writer.cancel()

    async def complete(self, guard: Guard | None = None) -> StreamResult:
        """Ends the stream: its rows are published. Returns the first result if it is repeated."""
        if self._result is None:
            await self.close()
            self._result = await self._sync.complete_stream(
                self._stream, True, self._count_records(), guard
            )
        return self._result

    async def abandon(self) -> None:
        """Ends the stream as INCOMPLETE: its staged rows are kept for the next sync."""
        if self._result is None:
            await self.cancel()
            self._result = await self._sync.complete_stream(self._stream, False)

    def _count_records(self) -> int | None:
        """Returns the records that were written, or None if other callers have writers, too."""
        others = {writer.writer_id for writer in self._stream.plan.writers} - self._writers.keys()
        if others or not self._writers:
            return None
        return sum(writer.next_offset for writer in self._writers.values())


class AsyncWriter:
    """Sends records of one ordered writer of a stream, and knows what is durable.

    Get it from `AsyncSyncStream.writer`; see `Writer`. Used by one task at a time.
    """

    def __init__(
        self,
        client: AsyncClient,
        connection: Connection,
        method: Any,
        sync: StartedSync,
        stream: StartedStream,
        writer_id: str,
        progress: OnProgress | None,
    ) -> None:
        self.writer_id = writer_id
        self._client = client
        self._connection = connection
        self._method = method
        self._sync = sync
        self._stream = stream
        self._progress = progress
        self._retry = Retry(connection.retry_for)
        durable_offset, self._expected_epoch = stream.position(writer_id)
        self._window = Window(durable_offset)
        self._changed = asyncio.Event()
        self._call: Any = None
        self._reader: asyncio.Task[SynclineError | None] | None = None
        self._failed: SynclineError | None = None  # a final error
        self._last_answer = Answer()
        self._rejected = 0  # of calls that have ended
        self._nulled = 0

    @property
    def next_offset(self) -> int:
        """The number of the record that is written next."""
        return self._window.next_offset

    @property
    def durable_offset(self) -> int:
        """The number of records of this writer that are committed."""
        return self._window.durable_offset

    @property
    def held_bytes(self) -> int:
        """The bytes that were sent and are not known to be durable."""
        return self._window.held_bytes

    def seek(self, offset: int) -> None:
        """Starts at record `offset`, at most `durable_offset`, instead of at record 0."""
        if self._window.next_offset != 0 or not 0 <= offset <= self._window.durable_offset:
            raise ValueError("seek() needs a durable offset, and comes before write()")
        self._window.skip(offset)

    async def write(self, data: Any, *, flush: bool = False) -> None:
        """Sends `data`: dicts, rows, an asynchronous iterable of them, or Arrow data.

        Waits while more than the window's bytes are not durable. With `flush`, returns when the
        data is durable.
        """
        if isinstance(data, AsyncIterable):
            held: list[Any] = []
            async for row in data:
                held.append(row)
                if len(held) == _ROWS_AT_ONCE:
                    await self._write(held)
                    held = []
            data = held
        await self._write(data)
        if flush:
            await self.flush()

    async def _write(self, data: Any) -> None:
        skip = max(0, self._window.durable_offset - self._window.next_offset)
        limit = self._sync.max_message_bytes
        for batch, records in record_batches(data, self._stream.properties, skip, limit):
            if batch is None:
                self._window.skip(records)
                continue
            if batch.ByteSize() > limit:
                raise RecordTooLarge(
                    f"record {self.next_offset} has {batch.ByteSize()} bytes; the server takes "
                    f"messages of {limit} bytes"
                )
            await self._deliver(self._window.add_batch(batch, records))

    async def checkpoint(self, checkpoint_id: str, state: bytes = b"") -> None:
        """Sends a position of the source, which commits what was written before it."""
        await self._deliver(self._window.add_checkpoint(checkpoint_id, state))

    async def flush(self) -> None:
        """Returns when everything that was written is durable."""
        if self._window.durable_offset >= self._window.next_offset:
            return
        await self._deliver(self._window.add_batch(records_pb2.RecordBatch(flush=True), 0))
        await self._wait(lambda: self._window.durable_offset >= self._window.next_offset)

    async def close(self) -> None:
        """Ends the open call, if any, and returns when everything is durable."""
        if self._failed is not None:
            raise self._failed
        while self._reader is not None:
            # If the call has ended, its reader has the error.
            with contextlib.suppress(*_ENDED):
                await self._call.done_writing()
            error = await self._reader
            self._end_call()
            if error is None:
                self._window.release_all()
                self._expected_epoch += 1
                return
            await self._recover(error)

    async def cancel(self) -> None:
        """Cancels the open call, if any. What is durable stays."""
        if self._reader is not None:
            self._call.cancel()
            await asyncio.wait([self._reader])
            self._end_call()

    async def _deliver(self, message: bytes) -> None:
        if self._failed is not None:
            raise self._failed
        if self._call is None:
            await self._open()  # sends everything that is held
        else:
            await self._send(message)
        await self._wait(lambda: self._window.held_bytes <= self._connection.window_bytes)

    async def _send(self, message: bytes) -> None:
        """Sends a message. If the call has ended, the message stays held for the next one."""
        with contextlib.suppress(*_ENDED):
            await self._call.write(message)

    async def _wait(self, condition: Callable[[], bool]) -> None:
        """Waits until `condition`, and recovers if the call ends before."""
        while self._reader is not None:
            if self._reader.done():
                error = self._reader.result()
                self._end_call()
                await self._recover(
                    error or SynclineError(grpc.StatusCode.UNKNOWN, "the call ended")
                )
            elif condition():
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _open(self) -> None:
        self._last_answer = Answer()
        self._call = self._method(metadata=self._connection.metadata)
        self._reader = asyncio.create_task(self._read(self._call))
        header = header_message(
            self._sync.sync_id, self._stream, self.writer_id, self._expected_epoch
        )
        await self._send(header)
        for message in self._window.held():
            await self._send(message)

    def _end_call(self) -> None:
        self._rejected += self._last_answer.records_rejected
        self._nulled += self._last_answer.values_nulled
        self._last_answer = Answer()
        self._call = None
        self._reader = None

    async def _recover(self, error: SynclineError) -> None:
        """Opens a new call from what the server has, or raises the error if it is final."""
        while True:
            try:
                delay = self._retry.next_delay(error)
            except SynclineError as final:
                self._failed = final
                raise
            await asyncio.sleep(delay)
            try:
                self._sync.take_answer(
                    await self._client.call_once("StartSync", self._sync.request)
                )
                break
            except SynclineError as failed:
                error = failed
        durable_offset, self._expected_epoch = self._stream.position(self.writer_id)
        self._window.restart(durable_offset)
        await self._open()

    async def _read(self, call: Any) -> SynclineError | None:
        """Takes the answers of one call, and returns its error."""
        try:
            async for answer in call:
                self._take(answer)
        except grpc.RpcError as error:
            return from_rpc_error(error)
        except asyncio.CancelledError:
            # The call was cancelled by this client; a cancelled task must stay so.
            if call.cancelled():
                return SynclineError(grpc.StatusCode.CANCELLED, "the call was cancelled")
            raise
        finally:
            self._changed.set()
        return None

    def _take(self, answer: Answer) -> None:
        self._last_answer = answer
        durable_offset = answer.durable_offset
        if answer.HasField("opened"):
            durable_offset = max(durable_offset, answer.opened.durable_offset)
        if not self._window.acknowledge(durable_offset, answer.last_checkpoint_id):
            return
        self._retry.reset()
        self._changed.set()
        report(
            self._progress,
            Progress(
                self._stream.config.name,
                self.writer_id,
                self._window.next_offset,
                self._window.durable_offset,
                self._rejected + answer.records_rejected,
                self._nulled + answer.values_nulled,
            ),
        )
