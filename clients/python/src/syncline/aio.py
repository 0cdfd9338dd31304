"""The client for asyncio. It has the methods of the blocking one, as coroutines.

async with syncline.aio.connect("127.0.0.1:50051") as client:
    async with await client.sync("nightly-1", [syncline.Stream("users", rows)]) as sync:
        await sync["users"].write(rows)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Union

import grpc
import grpc.aio

from . import arrow
from .aio_writer import AsyncWriter
from .config import Guard, Stream
from .errors import SynclineError, from_rpc_error, from_rpc_status
from .retry import Retry
from .rpc import (
    Connection,
    Methods,
    OnProgress,
    RejectedRecord,
    StartedStream,
    StartedSync,
    StreamResult,
    keeps_stream_open,
    to_rejected,
    to_result,
)
from .v1 import stream_pb2, sync_service_pb2

logger = logging.getLogger("syncline")

StreamName = Union[str, "tuple[str, str]"]


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
            self.call_once,
            self._connection,
            self._methods.append,
            sync,
            stream,
            writer_id,
            progress,
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
