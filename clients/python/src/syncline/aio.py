"""The client for asyncio. It has the methods of the blocking one, as coroutines.

async with syncline.aio.connect("127.0.0.1:50051") as client:
    async with await client.sync("nightly-1", [syncline.Stream("users", rows)]) as sync:
        await sync["users"].write(rows)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from typing import Any, Callable

import grpc
import grpc.aio

from . import arrow
from .aio_sync import AsyncSync, AsyncSyncStream
from .aio_writer import AsyncWriter
from .config import Stream
from .connection import Connection, Methods
from .errors import SynclineError, from_rpc_error
from .results import OnProgress, RejectedRecord, StreamResult, to_rejected
from .retry import Retry
from .started import StartedStream, StartedSync, prepare
from .v1 import stream_pb2, sync_service_pb2
from .writer_state import WriterState

__all__ = ["AsyncClient", "AsyncSync", "AsyncSyncStream", "AsyncWriter", "connect"]


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
        extend: bool = False,
    ) -> AsyncSync:
        """Starts the sync `sync_id`, or resumes it; see `Client.sync`."""
        if on_error not in ("incomplete", "keep_open"):
            raise ValueError("on_error must be one of: incomplete, keep_open")
        started = StartedSync(sync_id, streams, connection_id, extend)
        if started.streams:
            request = started.make_request(started.streams)
            started.take_answer(await self.call("StartSync", request))
        return AsyncSync(self, started, progress, on_error == "keep_open")

    async def plan(
        self, streams: Sequence[Stream | Mapping[str, Any]], *, connection_id: str = ""
    ) -> list[stream_pb2.StreamPlan]:
        """Returns the plans that a sync of `streams` would get now; see `Client.plan`."""
        request = sync_service_pb2.StartSyncRequest(
            connection_id=connection_id,
            streams=[stream.request for stream in prepare(streams)],
            plan_only=True,
        )
        return list((await self.call("StartSync", request)).streams)

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

    async def watch(
        self, sync_id: str, after_sequence: int = 0
    ) -> AsyncIterator[sync_service_pb2.WatchSyncResponse]:
        """Yields the events of a sync as they become durable, until it is finished."""
        retry = Retry(self._connection.retry_for)
        while True:
            request = sync_service_pb2.WatchSyncRequest(
                sync_id=sync_id, after_sequence=after_sequence
            )
            call = self._methods.watch(request, metadata=self._connection.metadata)
            try:
                async for event in call:
                    retry.reset()
                    if event.HasField("checkpoint_committed"):
                        after_sequence = event.checkpoint_committed.sequence
                    yield event
                    if event.HasField("sync_finished"):
                        return
                return
            except grpc.RpcError as error:
                await asyncio.sleep(retry.next_delay(from_rpc_error(error)))
            finally:
                call.cancel()  # nothing reads it any more

    def open_writer(
        self,
        sync: StartedSync,
        stream: StartedStream,
        writer_id: str,
        progress: OnProgress | None,
        start: Callable[[], Awaitable[sync_service_pb2.StartSyncResponse]],
    ) -> AsyncWriter:
        """For use by AsyncSync: makes a writer of one of its streams."""
        state = WriterState(
            sync,
            stream,
            writer_id,
            retry_for=self._connection.retry_for,
            stall_timeout=self._connection.stall_timeout,
            window_bytes=self._connection.window_bytes,
            progress=progress,
        )
        return AsyncWriter(
            state, method=self._methods.append, metadata=self._connection.metadata, start=start
        )
