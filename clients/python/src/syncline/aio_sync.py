"""A sync of the asyncio client, and its streams."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .aio_writer import AsyncWriter
from .config import Guard, Stream
from .errors import SynclineError, from_rpc_status
from .results import OnProgress, StreamResult, to_completed, to_result
from .started import StartedStream, StartedSync, keeps_stream_open, prepare
from .sync import StreamName
from .v1 import stream_pb2, sync_service_pb2

if TYPE_CHECKING:
    from .aio import AsyncClient

logger = logging.getLogger("syncline")


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
        if error is not None:
            await self._leave(error)
            return
        try:
            await self._close()
        except BaseException as failed:
            await self._leave(failed)
            raise
        await self.complete()

    async def _leave(self, error: BaseException) -> None:
        """Ends the calls after an exception, and the streams unless they stay open."""
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
        try:
            await self._finish()
        except SynclineError as failed:
            logger.warning("sync %s was not finished: %s", self.sync_id, failed)

    async def _close(self) -> None:
        for stream in self.streams:
            await stream.close()

    async def _finish(self) -> None:
        """Ends a sync that could be extended. Other syncs end with their last stream."""
        if self._started.extend and self.streams:
            await self._client.call("StartSync", self._started.make_request([]))

    async def extend(self, streams: Sequence[Stream | Mapping[str, Any]]) -> list[AsyncSyncStream]:
        """Adds streams, or columns to streams that the sync has; see `Sync.extend`."""
        if not self._started.extend:
            raise ValueError("only a sync that was started with extend=True can be extended")
        prepared = prepare(streams)
        for stream in self.streams:
            if any(stream.is_named(added) for added in prepared):
                await stream.close()
        answer = await self._client.call("StartSync", self._started.make_request(prepared))
        extended = [self._started.add(stream) for stream in prepared]
        self._started.take_answer(answer)
        for started in self._started.streams[len(self.streams) :]:
            self.streams.append(AsyncSyncStream(self, started))
        return [self.streams[self._started.streams.index(stream)] for stream in extended]

    async def complete(self) -> dict[str, StreamResult]:
        """Completes every stream that has not ended, and returns the results by name."""
        await self._close()
        results = {stream.name: await stream.complete() for stream in self.streams}
        await self._finish()
        return results

    async def complete_stream(
        self,
        stream: StartedStream,
        complete: bool,
        expected_records: int | None = None,
        guard: Guard | None = None,
    ) -> StreamResult:
        """For use by AsyncSyncStream: ends a stream. An answer that is lost is asked for again."""
        request = self._started.completion(stream, complete, expected_records, guard)
        answer = await self._client.call("CompleteStream", request)
        return (to_completed if complete else to_result)(stream.config.name, answer)

    def open_writer(self, stream: StartedStream, writer_id: str) -> AsyncWriter:
        """For use by AsyncSyncStream: makes a writer."""
        return self._client.open_writer(
            self._started, stream, writer_id, self._progress, lambda: self._restart(stream)
        )

    async def _restart(self, stream: StartedStream) -> sync_service_pb2.StartSyncResponse:
        """Repeats StartSync, whose answer has the position of each writer of `stream`."""
        answer: sync_service_pb2.StartSyncResponse = await self._client.call_once(
            "StartSync", self._started.resume_request(stream)
        )
        self._started.take_answer(answer)
        return answer


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

    def is_named(self, other: StartedStream) -> bool:
        """For use by AsyncSync: whether `other` has the name of this stream."""
        return other.descriptor == self._stream.descriptor

    async def close(self) -> None:
        """Ends the calls of all writers, and returns when everything is durable.

        Raises WriteUnfinished if the last write() of a writer raised an exception.
        """
        if self._result is not None:
            return
        for writer in self._writers.values():
            await writer.close()
            writer.raise_if_unfinished()

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
        offsets = {writer_id: writer.next_offset for writer_id, writer in self._writers.items()}
        return self._stream.count_records(offsets)
