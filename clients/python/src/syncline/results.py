"""What callers receive: progress, results and rejected records."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Callable

from .v1 import stream_pb2, sync_service_pb2

logger = logging.getLogger("syncline")


class StreamLeftIncomplete(RuntimeError):
    """The stream had ended INCOMPLETE before, so that nothing of it can be published."""


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
    ``"unchanged"`` or ``"replaced_in_place"``. `rows_marked_deleted` counts the rows of older
    generations that `Stream.older_generations` marked.
    """

    outcome: str
    rows: int
    generation_id: int
    values_nulled: int = 0
    values_truncated: int = 0
    fields_undeclared: int = 0
    rows_marked_deleted: int = 0


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


def _outcome_name(outcome: int) -> str:
    """Returns the outcome's name; a newer server may have outcomes that this package lacks."""
    if outcome not in stream_pb2.Outcome.values():
        return f"outcome_{outcome}"
    return stream_pb2.Outcome.Name(stream_pb2.Outcome.ValueType(outcome))[len("OUTCOME_") :].lower()


def to_completed(name: str, answer: sync_service_pb2.CompleteStreamResponse) -> StreamResult:
    """Returns the result of completing a stream, or raises StreamLeftIncomplete.

    A repeated CompleteStream returns the first result, which may be that of an earlier run.
    """
    if answer.outcome == stream_pb2.OUTCOME_KEPT_FOR_RESUME:
        raise StreamLeftIncomplete(
            f"{name} was left INCOMPLETE by an earlier run of this sync_id, and its rows are not "
            "published; load it again with another sync_id"
        )
    return to_result(name, answer)


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
        outcome=_outcome_name(answer.outcome),
        rows=answer.rows,
        generation_id=answer.generation_id,
        values_nulled=answer.values_nulled,
        values_truncated=answer.values_truncated,
        fields_undeclared=answer.fields_undeclared,
        rows_marked_deleted=answer.rows_marked_deleted,
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
