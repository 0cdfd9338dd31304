"""The blocking client."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Callable

import grpc

from . import arrow
from .config import Stream
from .connection import Connection, Methods
from .errors import SynclineError, from_rpc_error
from .results import OnProgress, RejectedRecord, StreamResult, to_rejected
from .retry import Retry
from .started import StartedStream, StartedSync, prepare
from .sync import Sync
from .v1 import stream_pb2, sync_service_pb2
from .writer import Writer
from .writer_state import WriterState


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
        extend: bool = False,
    ) -> Sync:
        """Starts the sync `sync_id`, or resumes it.

        Use it in a `with` statement: at its end every stream is completed. If the block raises an
        exception, every stream is left INCOMPLETE, so that no table is replaced; with `on_error`
        ``"keep_open"``, and always after an interruption or if the server cannot be reached, the
        streams stay open and the same sync_id continues them. `progress` is called after commits,
        on a thread of the writer, and should not block. With `extend`, streams can be added while
        the sync runs, and columns to its streams; see `Sync.extend`. `streams` may then be empty.
        """
        if on_error not in ("incomplete", "keep_open"):
            raise ValueError("on_error must be one of: incomplete, keep_open")
        return Sync(
            self,
            StartedSync(sync_id, streams, connection_id, extend),
            progress,
            on_error == "keep_open",
        )

    def plan(
        self, streams: Sequence[Stream | Mapping[str, Any]], *, connection_id: str = ""
    ) -> list[stream_pb2.StreamPlan]:
        """Returns the plans that a sync of `streams` would get now, and changes nothing.

        A plan has the table, its columns, the changes of its definition, and warnings.
        """
        request = sync_service_pb2.StartSyncRequest(
            connection_id=connection_id,
            streams=[stream.request for stream in prepare(streams)],
            plan_only=True,
        )
        return list(self.call("StartSync", request).streams)

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
        start: Callable[[], sync_service_pb2.StartSyncResponse],
    ) -> Writer:
        """For use by Sync: makes a writer of one of its streams."""
        state = WriterState(
            sync,
            stream,
            writer_id,
            retry_for=self._connection.retry_for,
            stall_timeout=self._connection.stall_timeout,
            window_bytes=self._connection.window_bytes,
            progress=progress,
        )
        return Writer(
            state, method=self._methods.append, metadata=self._connection.metadata, start=start
        )
