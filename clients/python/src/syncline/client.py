"""The blocking client."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Callable, Union

import grpc

from . import arrow
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
from .writer import Writer

logger = logging.getLogger("syncline")

StreamName = Union[str, "tuple[str, str]"]


def connect(target: str = "127.0.0.1:50051", **arguments: Any) -> Client:
    """Returns a client of the server at `target`.

    The connection is made by the first call. `Connection` has the other arguments, such as
    `token`, `tls` and `retry_for`.
    """
    return Client(Connection(target, **arguments))


class Client:
    """A connection to a server. Thread-safe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._channel = connection.open(grpc.secure_channel, grpc.insecure_channel)
        self._methods = Methods(self._channel)

    def close(self) -> None:
        """Closes the connection; open calls are cancelled."""
        self._channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def call_once(self, method: str, request: Any, timeout: float | None = None) -> Any:
        """Calls a method of the API and returns its answer, or raises a SynclineError."""
        try:
            return self._methods[method](
                request, timeout=timeout, metadata=self._connection.metadata
            )
        except grpc.RpcError as error:
            raise from_rpc_error(error) from None

    def call(self, method: str, request: Any) -> Any:
        """Calls a method like `call_once`, and again while that can help."""
        retry = Retry(self._connection.retry_for)
        while True:
            try:
                return self.call_once(method, request)
            except SynclineError as error:
                time.sleep(retry.next_delay(error))

    def sync(
        self,
        sync_id: str,
        streams: Sequence[Stream | Mapping[str, Any]],
        *,
        connection_id: str = "",
        progress: OnProgress | None = None,
        on_error: str = "incomplete",
    ) -> Sync:
        """Starts the sync `sync_id`, or resumes it.

        Use it in a `with` statement: at its end every stream is completed. If the block raises an
        exception, every stream is left INCOMPLETE, so that no table is replaced; with `on_error`
        ``"keep_open"``, and always after an interruption or if the server cannot be reached, the
        streams stay open and the same sync_id continues them. `progress` is called after commits,
        on a thread of the writer, and should not block.
        """
        if on_error not in ("incomplete", "keep_open"):
            raise ValueError("on_error must be one of: incomplete, keep_open")
        return Sync(
            self, StartedSync(sync_id, streams, connection_id), progress, on_error == "keep_open"
        )

    def load(self, sync_id: str, name: str, data: Any, **stream: Any) -> StreamResult:
        """Loads `data` into one stream and completes it. `stream` has the arguments of Stream.

        The schema is that of `data` unless it is given.
        """
        if arrow.is_arrow(data):
            data = arrow.to_reader(data)  # a data frame is converted once
        config = Stream(name, stream.pop("schema", data), **stream)
        with self.sync(sync_id, [config]) as sync:
            sync.streams[0].write(data)
        return sync.streams[0].complete()

    def get_sync(self, sync_id: str) -> sync_service_pb2.SyncSummary:
        """Returns the ledger's entry of a sync."""
        request = sync_service_pb2.GetSyncRequest(sync_id=sync_id)
        found: sync_service_pb2.SyncSummary = self.call("GetSync", request).sync
        return found

    def list_syncs(self) -> Iterator[sync_service_pb2.SyncSummary]:
        """Yields the syncs of the ledger, newest first."""
        request = sync_service_pb2.ListSyncsRequest()
        while True:
            page = self.call("ListSyncs", request)
            yield from page.syncs
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def cancel_sync(self, sync_id: str) -> sync_service_pb2.SyncSummary:
        """Cancels a sync permanently and returns its entry."""
        request = sync_service_pb2.CancelSyncRequest(sync_id=sync_id)
        found: sync_service_pb2.SyncSummary = self.call("CancelSync", request).sync
        return found

    def rejected(
        self, sync_id: str, name: str = "", namespace: str = ""
    ) -> Iterator[RejectedRecord]:
        """Yields the records of a sync, or of one stream, that could not be loaded."""
        request = sync_service_pb2.ListRejectedRecordsRequest(sync_id=sync_id)
        if name:
            request.descriptor.CopyFrom(stream_pb2.StreamDescriptor(namespace=namespace, name=name))
        while True:
            page = self.call("ListRejectedRecords", request)
            for record in page.records:
                yield to_rejected(record)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def watch(
        self, sync_id: str, after_sequence: int = 0
    ) -> Iterator[sync_service_pb2.WatchSyncResponse]:
        """Yields the events of a sync as they become durable, until it is finished."""
        retry = Retry(self._connection.retry_for)
        while True:
            request = sync_service_pb2.WatchSyncRequest(
                sync_id=sync_id, after_sequence=after_sequence
            )
            try:
                for event in self._methods.watch(request, metadata=self._connection.metadata):
                    retry.reset()
                    if event.HasField("checkpoint_committed"):
                        after_sequence = event.checkpoint_committed.sequence
                    yield event
                    if event.HasField("sync_finished"):
                        return
                return
            except grpc.RpcError as error:
                time.sleep(retry.next_delay(from_rpc_error(error)))

    def open_writer(
        self,
        sync: StartedSync,
        stream: StartedStream,
        writer_id: str,
        progress: OnProgress | None,
        restart: Callable[[], None],
    ) -> Writer:
        """For use by Sync: makes a writer of one of its streams."""
        return Writer(
            sync,
            stream,
            writer_id,
            method=self._methods.append,
            metadata=self._connection.metadata,
            restart=restart,
            retry_for=self._connection.retry_for,
            window_bytes=self._connection.window_bytes,
            progress=progress,
        )


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
        started.take_answer(client.call("StartSync", started.request))
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
        if error is None:
            self.complete()
            return
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

    def complete(self) -> dict[str, StreamResult]:
        """Completes every stream that has not ended, and returns the results by name."""
        for stream in self.streams:
            stream.close()
        return {stream.name: stream.complete() for stream in self.streams}

    def complete_stream(
        self,
        stream: StartedStream,
        complete: bool,
        expected_records: int | None = None,
        guard: Guard | None = None,
    ) -> StreamResult:
        """For use by SyncStream: ends a stream. An answer that is lost is asked for again."""
        request = self._started.completion(stream, complete, expected_records)
        if guard is not None:
            request.guard.CopyFrom(guard.to_proto())
        answer = self._client.call("CompleteStream", request)
        return to_result(stream.config.name, answer)

    def open_writer(self, stream: StartedStream, writer_id: str) -> Writer:
        """For use by SyncStream: makes a writer."""
        return self._client.open_writer(
            self._started, stream, writer_id, self._progress, self._restart
        )

    def _restart(self) -> None:
        """Repeats StartSync, whose answer has the position of each writer."""
        answer = self._client.call_once("StartSync", self._started.request)
        with self._lock:
            self._started.take_answer(answer)


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

    def close(self) -> None:
        """Ends the calls of all writers, and returns when everything is durable."""
        if self._result is not None:
            return
        for writer in list(self._writers.values()):
            writer.close()

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
        """Returns the records that were written, or None if other callers have writers, too."""
        others = {writer.writer_id for writer in self._stream.plan.writers} - self._writers.keys()
        if others or not self._writers:
            return None
        return sum(writer.next_offset for writer in self._writers.values())
