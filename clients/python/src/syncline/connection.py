"""How the server is reached: the channel, its options, and the methods of the service."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

import grpc

from .v1 import sync_service_pb2

_SERVICE = "/syncline.v1.SyncService/"

# Held per writer until the server has answered that it is durable.
DEFAULT_WINDOW_BYTES = 64 * 1024 * 1024

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
        stall_timeout: seconds for which a writer waits without any answer of the server before it
            raises Unavailable with the reason ``"STALLED"``; None waits without limit.
        window_bytes: bytes per writer that may be sent and not yet durable; write() waits beyond.
        options: further gRPC channel options.
    """

    target: str
    token: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_certificate: bytes | None = None
    client_certificate: bytes | None = None
    client_key: bytes | None = field(default=None, repr=False)
    retry_for: float = 300.0
    stall_timeout: float | None = None
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
    """The callables of the service on a channel of grpc or grpc.aio.

    Each is refused in a process that was forked after the channel was opened: gRPC's threads are
    not there, and a call would wait without end.
    """

    def __init__(self, channel: Any) -> None:
        self._process = os.getpid()
        self._unary: dict[str, Any] = {
            name: channel.unary_unary(
                _SERVICE + name,
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )
            for name, (request, response) in _METHODS.items()
        }
        # Messages of a writer are serialized once, when they are made.
        self._append = channel.stream_stream(
            _SERVICE + "AppendRecords",
            request_serializer=None,
            response_deserializer=sync_service_pb2.AppendRecordsResponse.FromString,
        )
        self._watch = channel.unary_stream(
            _SERVICE + "WatchSync",
            request_serializer=sync_service_pb2.WatchSyncRequest.SerializeToString,
            response_deserializer=sync_service_pb2.WatchSyncResponse.FromString,
        )

    def __getitem__(self, name: str) -> Any:
        self._check_process()
        return self._unary[name]

    @property
    def append(self) -> Any:
        self._check_process()
        return self._append

    @property
    def watch(self) -> Any:
        self._check_process()
        return self._watch

    def _check_process(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError(
                "the client was made before this process was forked; make another one here with "
                "connect()"
            )
