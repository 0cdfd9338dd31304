"""What the blocking and the asyncio client have in common: channels, methods and requests."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

import grpc

from .config import Stream
from .errors import SynclineError
from .v1 import records_pb2, stream_pb2, sync_service_pb2

logger = logging.getLogger("syncline")

_SERVICE = "/syncline.v1.SyncService/"

# Held per writer until the server has answered that it is durable.
DEFAULT_WINDOW_BYTES = 64 * 1024 * 1024
# The default limit of the server, less what surrounds a batch.
DEFAULT_MAX_MESSAGE_BYTES = 15 * 1024 * 1024

_METHODS: dict[str, tuple[Any, Any]] = {
    "StartSync": (sync_service_pb2.StartSyncRequest, sync_service_pb2.StartSyncResponse),
    "CompleteStream": (
        sync_service_pb2.CompleteStreamRequest,
        sync_service_pb2.CompleteStreamResponse,
    ),
    "GetSync": (sync_service_pb2.GetSyncRequest, sync_service_pb2.GetSyncResponse),
    "ListSyncs": (sync_service_pb2.ListSyncsRequest, sync_service_pb2.ListSyncsResponse),
    "CancelSync": (sync_service_pb2.CancelSyncRequest, sync_service_pb2.CancelSyncResponse),
    "ListRejectedRecords": (
        sync_service_pb2.ListRejectedRecordsRequest,
        sync_service_pb2.ListRejectedRecordsResponse,
    ),
}

CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 20000),
    ("grpc.keepalive_timeout_ms", 20000),
    # A call may wait minutes for a merge without any data.
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.max_reconnect_backoff_ms", 2000),
]


@dataclass(frozen=True)
class Connection:
    """How to reach the server.

    Attributes:
        target: ``"host:port"``, as gRPC reads it.
        token: a bearer token of the server's --auth_token_file.
        tls: whether to use TLS; implied by `ca_certificate` and `client_certificate`.
        ca_certificate: the PEM text of the certificates to trust, instead of the system's.
        client_certificate, client_key: the PEM texts of the client's own certificate and key.
        retry_for: seconds for which a failing call is sent again, since the last success.
        window_bytes: bytes per writer that may be sent and not yet durable; write() waits beyond.
        options: further gRPC channel options.
    """

    target: str
    token: str | None = None
    tls: bool = False
    ca_certificate: bytes | None = None
    client_certificate: bytes | None = None
    client_key: bytes | None = None
    retry_for: float = 300.0
    window_bytes: int = DEFAULT_WINDOW_BYTES
    options: Sequence[tuple[str, Any]] = ()

    def open(self, secure: Callable[..., Any], insecure: Callable[..., Any]) -> Any:
        """Opens a channel with the functions of grpc or grpc.aio."""
        options = [*CHANNEL_OPTIONS, *self.options]
        if not (self.tls or self.ca_certificate or self.client_certificate):
            return insecure(self.target, options=options)
        credentials = grpc.ssl_channel_credentials(
            self.ca_certificate, self.client_key, self.client_certificate
        )
        return secure(self.target, credentials, options=options)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


class Methods:
    """The callables of the service on a channel of grpc or grpc.aio."""

    def __init__(self, channel: Any) -> None:
        self._unary: dict[str, Any] = {
            name: channel.unary_unary(
                _SERVICE + name,
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )
            for name, (request, response) in _METHODS.items()
        }
        # Messages of a writer are serialized once, when they are made.
        self.append = channel.stream_stream(
            _SERVICE + "AppendRecords",
            request_serializer=None,
            response_deserializer=sync_service_pb2.AppendRecordsResponse.FromString,
        )
        self.watch = channel.unary_stream(
            _SERVICE + "WatchSync",
            request_serializer=sync_service_pb2.WatchSyncRequest.SerializeToString,
            response_deserializer=sync_service_pb2.WatchSyncResponse.FromString,
        )

    def __getitem__(self, name: str) -> Any:
        return self._unary[name]


@dataclass(frozen=True)
class Progress:
    """The progress of one writer, given to the `progress` callback of a sync."""

    stream: str
    writer_id: str
    records_sent: int
    records_durable: int
    records_rejected: int
    values_nulled: int


OnProgress = Callable[[Progress], None]


def report(progress: OnProgress | None, state: Progress) -> None:
    """Calls the caller's callback. Its exceptions are logged and change nothing else."""
    if progress is None:
        return
    try:
        progress(state)
    except Exception:
        logger.exception("the progress callback failed")


@dataclass(frozen=True)
class StreamResult:
    """The result of completing a stream.

    `outcome` is ``"appended"``, ``"swapped"``, ``"merged"``, ``"kept_for_resume"``,
    ``"unchanged"`` or ``"replaced_in_place"``.
    """

    outcome: str
    rows: int
    generation_id: int
    values_nulled: int = 0
    values_truncated: int = 0
    fields_undeclared: int = 0


@dataclass(frozen=True)
class RejectedRecord:
    """A record that could not be loaded, and why."""

    namespace: str
    stream: str
    writer_id: str
    offset: int
    reason: str
    raw: bytes
    raw_truncated: bool
    detail: str


@dataclass(eq=False)
class StartedStream:
    """A stream of a started sync: its configuration, its schema and the server's plan."""

    config: Stream
    descriptor: stream_pb2.StreamDescriptor
    properties: Mapping[str, Any]
    plan: stream_pb2.StreamPlan = field(default_factory=stream_pb2.StreamPlan)

    def position(self, writer_id: str) -> tuple[int, int]:
        """Returns the durable offset and the epoch of a writer; zeros for one that is unknown."""
        for writer in self.plan.writers:
            if writer.writer_id == writer_id:
                return int(writer.durable_offset), int(writer.epoch)
        return 0, 0


class StartedSync:
    """The request of StartSync, which is repeated to resume, and its newest answer."""

    def __init__(
        self, sync_id: str, streams: Sequence[Stream | Mapping[str, Any]], connection_id: str
    ) -> None:
        self.sync_id = sync_id
        self.max_message_bytes = DEFAULT_MAX_MESSAGE_BYTES
        self.streams: list[StartedStream] = []
        self.request = sync_service_pb2.StartSyncRequest(
            sync_id=sync_id, connection_id=connection_id
        )
        for given in streams:
            stream = given if isinstance(given, Stream) else Stream(**given)
            schema = stream.json_schema()
            config = stream.to_proto(schema)
            self.request.streams.append(config)
            properties = schema.get("properties", {})
            self.streams.append(StartedStream(stream, config.descriptor, properties))

    def take_answer(self, answer: sync_service_pb2.StartSyncResponse) -> None:
        limit = answer.limits.max_message_bytes
        if limit > 0:
            # A batch is surrounded by its message, and estimates are not exact.
            self.max_message_bytes = min(DEFAULT_MAX_MESSAGE_BYTES, int(limit * 0.9))
        for stream, plan in zip(self.streams, answer.streams):
            stream.plan.CopyFrom(plan)
            # In the generated stub, mypy takes the name Warning for Python's class.
            warnings: Any = plan.warnings
            for warning in warnings:
                logger.warning("%s: %s: %s", stream.config.name, warning.code, warning.text)
        if answer.resumed:
            logger.info("sync %s is resumed", self.sync_id)

    def find(self, name: str | tuple[str, str]) -> StartedStream:
        """Returns the stream of a name, or of a (namespace, name)."""
        found = [
            stream
            for stream in self.streams
            if name in (stream.config.name, (stream.config.namespace, stream.config.name))
        ]
        if len(found) != 1:
            known = "no stream" if not found else "several streams; give (namespace, name)"
            raise KeyError(f"the sync has {known}: {name!r}")
        return found[0]

    def completion(
        self, stream: StartedStream, complete: bool, expected_records: int | None
    ) -> sync_service_pb2.CompleteStreamRequest:
        return sync_service_pb2.CompleteStreamRequest(
            sync_id=self.sync_id,
            descriptor=stream.descriptor,
            status=(
                stream_pb2.STREAM_STATUS_COMPLETE
                if complete
                else stream_pb2.STREAM_STATUS_INCOMPLETE
            ),
            expected_records=expected_records,
        )


def header_message(
    sync_id: str, stream: StartedStream, writer_id: str, expected_epoch: int
) -> bytes:
    header = records_pb2.StreamHeader(
        sync_id=sync_id,
        descriptor=stream.descriptor,
        writer_id=writer_id,
        expected_epoch=expected_epoch,
    )
    message: bytes = records_pb2.AppendRecordsRequest(header=header).SerializeToString()
    return message


FLUSH = records_pb2.RecordBatch(flush=True)


def to_result(name: str, answer: sync_service_pb2.CompleteStreamResponse) -> StreamResult:
    """Returns the answer as an object, and logs what was not stored as it was sent."""
    if answer.values_nulled or answer.values_truncated or answer.fields_undeclared:
        logger.warning(
            "%s: %d values became NULL and %d were cut because they did not fit their column; "
            "%d fields were not stored because the schema does not have them",
            name,
            answer.values_nulled,
            answer.values_truncated,
            answer.fields_undeclared,
        )
    return StreamResult(
        outcome=stream_pb2.Outcome.Name(answer.outcome)[len("OUTCOME_") :].lower(),
        rows=answer.rows,
        generation_id=answer.generation_id,
        values_nulled=answer.values_nulled,
        values_truncated=answer.values_truncated,
        fields_undeclared=answer.fields_undeclared,
    )


def to_rejected(record: sync_service_pb2.RejectedRecord) -> RejectedRecord:
    return RejectedRecord(
        namespace=record.descriptor.namespace,
        stream=record.descriptor.name,
        writer_id=record.writer_id,
        offset=record.offset,
        reason=record.reason,
        raw=record.raw,
        raw_truncated=record.raw_truncated,
        detail=record.detail,
    )


def keeps_stream_open(error: BaseException) -> bool:
    """Whether a stream stays open after `error`, so that the same sync_id continues it.

    An interruption and a server that cannot be reached say nothing about the data.
    """
    return not isinstance(error, Exception) or (
        isinstance(error, SynclineError) and error.retryable
    )
