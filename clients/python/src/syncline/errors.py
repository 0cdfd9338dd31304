"""The errors of a Syncline server as exceptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

_DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True)
class Violation:
    """A field of the request that the server refused."""

    field: str
    description: str


class SynclineError(Exception):
    """A call failed. Each gRPC code that a caller can act on has a subclass.

    Attributes:
        code: the gRPC code.
        reason: the stable reason, such as ``"TABLE_OWNED"``; empty if gRPC itself failed the call.
            docs/errors.md describes what to do about each reason.
        message: the error in words.
        metadata: figures of the error by name, such as ``durable_offset``.
        violations: the fields that were refused.
        retry_after: seconds after which the server asks to send the call again, or None.
    """

    def __init__(
        self,
        code: Any,
        message: str,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: tuple[Violation, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata: dict[str, str] = dict(metadata or {})
        self.violations = violations
        self.retry_after = retry_after
        fields = "".join(f"; {v.field}: {v.description}" for v in violations)
        super().__init__(f"{reason or code.name}: {message}{fields}")

    @property
    def retryable(self) -> bool:
        """Whether the same call can succeed later."""
        if self.reason == "FENCED":
            return False
        return (
            self.code == grpc.StatusCode.UNAVAILABLE
            or self.retry_after is not None
            or self.reason in ("WRITERS_ACTIVE", "SWAP_LOCKED")
        )


class InvalidRequest(SynclineError):
    """INVALID_ARGUMENT or OUT_OF_RANGE: the request itself is wrong."""


class NotFound(SynclineError):
    """NOT_FOUND: the sync or the stream does not exist."""


class PreconditionFailed(SynclineError):
    """FAILED_PRECONDITION: the state of the sync, the table or the database does not allow it."""


class Conflict(SynclineError):
    """ABORTED: another call, sync or session was faster."""


class ResourceExhausted(SynclineError):
    """RESOURCE_EXHAUSTED: a limit of the server or the database is reached."""


class Unavailable(SynclineError):
    """UNAVAILABLE: the server or its database cannot be reached."""


class AccessDenied(SynclineError):
    """UNAUTHENTICATED or PERMISSION_DENIED: the token or the database role does not allow it."""


class DeadlineExceeded(SynclineError):
    """DEADLINE_EXCEEDED: the time of the call is over."""


_CLASSES = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequest,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionFailed,
    grpc.StatusCode.ABORTED: Conflict,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.UNAUTHENTICATED: AccessDenied,
    grpc.StatusCode.PERMISSION_DENIED: AccessDenied,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}
_CODES = {code.value[0]: code for code in grpc.StatusCode}


def _is_broken_connection(code: Any, message: str) -> bool:
    """A connection that breaks during a call is not always reported as UNAVAILABLE."""
    if code == grpc.StatusCode.UNKNOWN:
        return "Stream removed" in message
    if code == grpc.StatusCode.INTERNAL:
        # The last is what grpc.aio makes of a write to a call that the server has ended.
        return any(part in message for part in ("RST_STREAM", "GOAWAY", "Internal error from Core"))
    return bool(code == grpc.StatusCode.CANCELLED)


def from_status(code: Any, message: str, status: status_pb2.Status | None) -> SynclineError:
    """Makes the exception of a code, with the details of `status`."""
    reason = ""
    metadata: dict[str, str] = {}
    violations: list[Violation] = []
    retry_after: float | None = None
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        retry = error_details_pb2.RetryInfo()
        request = error_details_pb2.BadRequest()
        if detail.Unpack(info):
            reason = info.reason
            metadata = dict(info.metadata)
        elif detail.Unpack(retry):
            retry_after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
        elif detail.Unpack(request):
            violations += [Violation(v.field, v.description) for v in request.field_violations]
    if not reason and _is_broken_connection(code, message):
        code = grpc.StatusCode.UNAVAILABLE
    if (
        not reason
        and code == grpc.StatusCode.RESOURCE_EXHAUSTED
        and "larger than max" not in message
    ):
        retry_after = retry_after or 1.0  # gRPC or a proxy lacks memory
    kind = _CLASSES.get(code, SynclineError)
    return kind(code, message, reason, metadata, tuple(violations), retry_after)


def from_rpc_error(error: Any) -> SynclineError:
    """Makes the exception of a failed call."""
    status = None
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            status = status_pb2.Status.FromString(value)
    return from_status(error.code(), error.details() or "", status)


def from_rpc_status(status: status_pb2.Status) -> SynclineError:
    """Makes the exception of a google.rpc.Status within an answer."""
    code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    return from_status(code, status.message, status)
