"""A started sync: its requests, and the server's answers."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc

from .config import Guard, Stream
from .errors import SynclineError
from .v1 import stream_pb2, sync_service_pb2

logger = logging.getLogger("syncline")

# The default limit of the server, less what surrounds a batch.
DEFAULT_MAX_MESSAGE_BYTES = 15 * 1024 * 1024


def writer_position(plan: stream_pb2.StreamPlan, writer_id: str) -> tuple[int, int]:
    """Returns the durable offset and the epoch of a writer; zeros for one that is unknown."""
    for writer in plan.writers:
        if writer.writer_id == writer_id:
            return int(writer.durable_offset), int(writer.epoch)
    return 0, 0


@dataclass(eq=False)
class StartedStream:
    """A stream of a started sync: its configuration, its schema and the server's plan."""

    config: Stream
    request: stream_pb2.StreamConfig
    properties: Mapping[str, Any]
    plan: stream_pb2.StreamPlan = field(default_factory=stream_pb2.StreamPlan)

    @property
    def descriptor(self) -> stream_pb2.StreamDescriptor:
        return self.request.descriptor

    def position(self, writer_id: str) -> tuple[int, int]:
        """Returns the durable offset and the epoch of a writer when the plan was made."""
        return writer_position(self.plan, writer_id)

    def count_records(self, next_offsets: Mapping[str, int]) -> int | None:
        """Returns the records of the stream, or None if other callers have writers, too.

        `next_offsets` are those of this caller's writers, by their ids.
        """
        others = {writer.writer_id for writer in self.plan.writers} - next_offsets.keys()
        return None if others or not next_offsets else sum(next_offsets.values())


def prepare(streams: Sequence[Stream | Mapping[str, Any]]) -> list[StartedStream]:
    """Returns the streams with their schemas and requests, without plans."""
    prepared = []
    for given in streams:
        stream = given if isinstance(given, Stream) else Stream(**given)
        schema = stream.json_schema()
        prepared.append(
            StartedStream(stream, stream.to_proto(schema), schema.get("properties", {}))
        )
    return prepared


class StartedSync:
    """The streams of a sync, the requests of StartSync for them, and its newest answers.

    Answers are taken by one thread at a time. A plan is replaced as a whole, so that other threads
    can read it.
    """

    def __init__(
        self,
        sync_id: str,
        streams: Sequence[Stream | Mapping[str, Any]],
        connection_id: str,
        extend: bool = False,
    ) -> None:
        self.sync_id = sync_id
        self.extend = extend
        self.max_message_bytes = DEFAULT_MAX_MESSAGE_BYTES
        self.streams = prepare(streams)
        self._connection_id = connection_id
        self._first = self.make_request(self.streams)

    def make_request(self, streams: Sequence[StartedStream]) -> sync_service_pb2.StartSyncRequest:
        """Returns the request for some streams; with `extend` and none, it finishes the sync."""
        return sync_service_pb2.StartSyncRequest(
            sync_id=self.sync_id,
            connection_id=self._connection_id,
            streams=[stream.request for stream in streams],
            extend=self.extend,
        )

    def resume_request(self, stream: StartedStream) -> sync_service_pb2.StartSyncRequest:
        """Returns the request whose answer has the positions of `stream`.

        It is the first request, except with `extend`, which compares only the named streams.
        """
        return self.make_request([stream]) if self.extend else self._first

    def add(self, prepared: StartedStream) -> StartedStream:
        """Adds a stream, or gives one that is known its new schema, after the server has."""
        for stream in self.streams:
            if stream.descriptor == prepared.descriptor:
                stream.config = prepared.config
                stream.request = prepared.request
                stream.properties = prepared.properties
                return stream
        self.streams.append(prepared)
        return prepared

    def take_answer(self, answer: sync_service_pb2.StartSyncResponse) -> None:
        limit = answer.limits.max_message_bytes
        if limit > 0:
            # A batch is surrounded by its message, and estimates are not exact.
            self.max_message_bytes = min(DEFAULT_MAX_MESSAGE_BYTES, int(limit * 0.9))
        for stream in self.streams:
            plan = _find_plan(answer, stream)
            if plan is None:
                continue
            known = _texts_of_warnings(stream.plan)
            for text in _texts_of_warnings(plan):
                if text not in known:
                    logger.warning("%s: %s", stream.config.name, text)
            stream.plan = plan
        if answer.resumed:
            logger.info("sync %s is resumed", self.sync_id)

    def find_plan(
        self, answer: sync_service_pb2.StartSyncResponse, stream: StartedStream
    ) -> stream_pb2.StreamPlan:
        """Returns the plan of a stream in an answer."""
        plan = _find_plan(answer, stream)
        if plan is None:
            raise SynclineError(
                grpc.StatusCode.INTERNAL, f"the server's plan lacks the stream {stream.config.name}"
            )
        return plan

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
        self,
        stream: StartedStream,
        complete: bool,
        expected_records: int | None,
        guard: Guard | None,
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
            guard=None if guard is None else guard.to_proto(),
        )


def _find_plan(
    answer: sync_service_pb2.StartSyncResponse, stream: StartedStream
) -> stream_pb2.StreamPlan | None:
    for plan in answer.streams:
        if plan.descriptor == stream.descriptor:
            return plan
    return None


def _texts_of_warnings(plan: stream_pb2.StreamPlan) -> list[str]:
    # In the generated stub, mypy takes the name Warning for Python's class.
    warnings: Any = plan.warnings
    return [f"{warning.code}: {warning.text}" for warning in warnings]


def keeps_stream_open(error: BaseException) -> bool:
    """Whether a stream stays open after `error`, so that the same sync_id continues it.

    An interruption and a server that cannot be reached say nothing about the data. After FENCED
    another process loads the stream, and must not find that this one has ended it.
    """
    if not isinstance(error, Exception):
        return True
    return isinstance(error, SynclineError) and (error.retryable or error.reason == "FENCED")
