"""A sync of the blocking client, and its streams."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union

from .config import Guard, Stream
from .errors import SynclineError, from_rpc_status
from .results import OnProgress, StreamResult, to_completed, to_result
from .started import StartedStream, StartedSync, keeps_stream_open, prepare
from .v1 import stream_pb2, sync_service_pb2
from .writer import Writer

if TYPE_CHECKING:
    from .client import Client

logger = logging.getLogger("syncline")

StreamName = Union[str, "tuple[str, str]"]


class Sync:
    """A started sync. Get it from `Client.sync`."""

    def __init__(
        self,
        client: Client,
        started: StartedSync,
        progress: OnProgress | None,
        keep_open: bool,
    ) -> None:
        self._client = client
        self._started = started
        self._progress = progress
        self._keep_open = keep_open
        self._lock = threading.Lock()
        if started.streams:
            started.take_answer(client.call("StartSync", started.make_request(started.streams)))
        self.streams = [SyncStream(self, stream) for stream in started.streams]

    @property
    def sync_id(self) -> str:
        return self._started.sync_id

    def __getitem__(self, name: StreamName) -> SyncStream:
        """Returns the stream of a name, or of a (namespace, name)."""
        return self.streams[self._started.streams.index(self._started.find(name))]

    def __enter__(self) -> Sync:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self._leave(error)
            return
        try:
            self._close()
        except BaseException as failed:
            self._leave(failed)
            raise
        self.complete()

    def _leave(self, error: BaseException) -> None:
        """Ends the calls after an exception, and the streams unless they stay open."""
        for stream in self.streams:
            stream.cancel()
        if self._keep_open or keeps_stream_open(error):
            logger.warning("sync %s stays open and can be resumed", self.sync_id)
            return
        for stream in self.streams:
            try:
                stream.abandon()
            except SynclineError as failed:
                logger.warning("%s was not left INCOMPLETE: %s", stream.name, failed)
        try:
            self._finish()
        except SynclineError as failed:
            logger.warning("sync %s was not finished: %s", self.sync_id, failed)

    def _close(self) -> None:
        for stream in self.streams:
            stream.close()

    def _finish(self) -> None:
        """Ends a sync that could be extended. Other syncs end with their last stream."""
        if self._started.extend and self.streams:
            self._client.call("StartSync", self._started.make_request([]))

    def extend(self, streams: Sequence[Stream | Mapping[str, Any]]) -> list[SyncStream]:
        """Adds streams, or columns to streams that the sync has, and returns them.

        Only for a sync that was started with ``extend=True``. For a stream that the sync has, give
        it again with its new schema: columns are added, a type that differs becomes the common type
        of both, and nothing else may change. Its writers are closed first, and what they write
        later is for the new schema. An equal stream changes nothing.
        """
        if not self._started.extend:
            raise ValueError("only a sync that was started with extend=True can be extended")
        prepared = prepare(streams)
        for stream in self.streams:
            if any(stream.is_named(added) for added in prepared):
                stream.close()
        answer = self._client.call("StartSync", self._started.make_request(prepared))
        with self._lock:
            extended = [self._started.add(stream) for stream in prepared]
            self._started.take_answer(answer)
        for started in self._started.streams[len(self.streams) :]:
            self.streams.append(SyncStream(self, started))
        return [self.streams[self._started.streams.index(stream)] for stream in extended]

    def complete(self) -> dict[str, StreamResult]:
        """Completes every stream that has not ended, and returns the results by name."""
        self._close()
        results = {stream.name: stream.complete() for stream in self.streams}
        self._finish()
        return results

    def complete_stream(
        self,
        stream: StartedStream,
        complete: bool,
        expected_records: int | None = None,
        guard: Guard | None = None,
    ) -> StreamResult:
        """For use by SyncStream: ends a stream. An answer that is lost is asked for again."""
        request = self._started.completion(stream, complete, expected_records, guard)
        answer = self._client.call("CompleteStream", request)
        return (to_completed if complete else to_result)(stream.config.name, answer)

    def open_writer(self, stream: StartedStream, writer_id: str) -> Writer:
        """For use by SyncStream: makes a writer."""
        return self._client.open_writer(
            self._started, stream, writer_id, self._progress, lambda: self._restart(stream)
        )

    def _restart(self, stream: StartedStream) -> sync_service_pb2.StartSyncResponse:
        """Repeats StartSync, whose answer has the position of each writer of `stream`."""
        request = self._started.resume_request(stream)
        answer: sync_service_pb2.StartSyncResponse = self._client.call_once("StartSync", request)
        with self._lock:
            self._started.take_answer(answer)
        return answer


class SyncStream:
    """One stream of a sync. Used by one thread at a time, except for its writers."""

    def __init__(self, sync: Sync, stream: StartedStream) -> None:
        self._sync = sync
        self._stream = stream
        self._writers: dict[str, Writer] = {}
        self._lock = threading.Lock()
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

    def writer(self, writer_id: str = "") -> Writer:
        """Returns the writer `writer_id`. Writers of one stream load in parallel."""
        with self._lock:
            if writer_id not in self._writers:
                self._writers[writer_id] = self._sync.open_writer(self._stream, writer_id)
            return self._writers[writer_id]

    def write(self, data: Any, *, flush: bool = False) -> None:
        """Sends `data` through the default writer; see Writer.write."""
        self.writer().write(data, flush=flush)

    def flush(self) -> None:
        """Returns when everything that was written is durable."""
        for writer in list(self._writers.values()):
            writer.flush()

    def is_named(self, other: StartedStream) -> bool:
        """For use by Sync: whether `other` has the name of this stream."""
        return other.descriptor == self._stream.descriptor

    def close(self) -> None:
        """Ends the calls of all writers, and returns when everything is durable.

        Raises WriteUnfinished if the last write() of a writer raised an exception.
        """
        if self._result is not None:
            return
        for writer in list(self._writers.values()):
            writer.close()
            writer.raise_if_unfinished()

    def cancel(self) -> None:
        """Cancels the calls of all writers. What is durable stays."""
        for writer in list(self._writers.values()):
            writer.cancel()

    def complete(self, guard: Guard | None = None) -> StreamResult:
        """Ends the stream: its rows are published. Returns the first result if it is repeated."""
        if self._result is None:
            self.close()
            self._result = self._sync.complete_stream(
                self._stream, True, self._count_records(), guard
            )
        return self._result

    def abandon(self) -> None:
        """Ends the stream as INCOMPLETE: its staged rows are kept for the next sync."""
        if self._result is None:
            self.cancel()
            self._result = self._sync.complete_stream(self._stream, False)

    def _count_records(self) -> int | None:
        offsets = {writer_id: writer.next_offset for writer_id, writer in self._writers.items()}
        return self._stream.count_records(offsets)
