"""What a writer holds and decides, for the blocking and the asyncio writer. Without I/O."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from .batches import Batches, RecordTooLarge, record_batches
from .errors import Conflict, SynclineError, Unavailable
from .results import OnProgress, Progress, report
from .retry import Retry
from .started import StartedStream, StartedSync, writer_position
from .v1 import records_pb2, sync_service_pb2
from .window import Window
from .writer_epochs import WriterEpochs

Answer = sync_service_pb2.AppendRecordsResponse

# The message that surrounds a batch, and the number of its first record.
_MESSAGE_OVERHEAD_BYTES = 64


class WriteUnfinished(RuntimeError):
    """The last write() of a writer raised an exception, so the stream lacks records."""


class WriterState:
    """The state of one writer: its records, its call as the server knows it, and its errors.

    Not thread-safe: the writer guards it. The writer sends what it returns, on one call at a time:
    `opening` first, then each message, and `sent` after each of them.
    """

    def __init__(
        self,
        sync: StartedSync,
        stream: StartedStream,
        writer_id: str,
        *,
        retry_for: float,
        stall_timeout: float | None,
        window_bytes: int,
        progress: OnProgress | None,
    ) -> None:
        self.writer_id = writer_id
        self.stream = stream
        self._sync = sync
        self._window_bytes = window_bytes
        self._progress = progress
        self._retry = Retry(retry_for)
        self.stall_timeout = stall_timeout  # of one wait for an answer; None: without limit
        durable_offset, epoch = stream.position(writer_id)
        self._epochs = WriterEpochs(epoch)
        self._window = Window(durable_offset)
        self._process = os.getpid()
        self._failed: Exception | None = None  # a final error
        self._unfinished = ""  # the exception of the last write()
        self._rejected = 0  # of calls that have ended
        self._nulled = 0
        self._last_answer = Answer()
        # A message is held that may not have been sent, because its sender was interrupted.
        self.is_interrupted = False
        # The server has answered the header of the last call.
        self.is_open = False
        # The server's position must be read before the next call, whose epoch is unknown.
        self.needs_position = False

    @property
    def next_offset(self) -> int:
        return self._window.next_offset

    @property
    def durable_offset(self) -> int:
        return self._window.durable_offset

    @property
    def held_bytes(self) -> int:
        return self._window.held_bytes

    def has_room(self) -> bool:
        """Whether another message may be sent before the server commits."""
        return self._window.held_bytes <= self._window_bytes

    def is_durable(self) -> bool:
        """Whether every record that was written is committed."""
        return self._window.durable_offset >= self._window.next_offset

    def holds_messages(self) -> bool:
        return self._window.held_bytes > 0

    def stalled(self) -> Unavailable:
        """Returns the error of a wait that exceeded the stall_timeout."""
        return Unavailable(
            grpc.StatusCode.UNAVAILABLE,
            f"the server has not answered writer {self.writer_id!r} of "
            f"{self.stream.config.name} for {self.stall_timeout} s (stall_timeout); "
            f"{self.next_offset - self.durable_offset} records are not durable",
            "STALLED",
        )

    def raise_if_failed(self) -> None:
        """Raises the error that has ended the writer, if there is one."""
        if os.getpid() != self._process:
            raise RuntimeError("a writer cannot be used in a process that was forked later")
        if self._failed is not None:
            raise self._failed

    def raise_if_unfinished(self) -> None:
        """Raises WriteUnfinished if the last write() raised an exception."""
        if self._unfinished:
            raise WriteUnfinished(
                f"the last write() of writer {self.writer_id!r} of {self.stream.config.name} "
                f"ended after record {self.next_offset} with {self._unfinished}; "
                "write the rest, or an empty list if there is none, to complete the stream"
            )

    def seek(self, offset: int) -> None:
        if self._window.next_offset != 0 or not 0 <= offset <= self._window.durable_offset:
            raise ValueError("seek() needs a durable offset, and comes before write()")
        self._window.skip(offset)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Surrounds a write(), and remembers its exception."""
        self._unfinished = ""
        try:
            yield
        except BaseException as error:
            self._unfinished = repr(error)
            raise

    def encode(self, data: Any) -> Batches:
        """Yields the batches of `data`, for `hold`. Reads no other state than the offsets."""
        skip = max(0, self._window.durable_offset - self._window.next_offset)
        limit = self._sync.max_message_bytes - _MESSAGE_OVERHEAD_BYTES
        return record_batches(data, self.stream.properties, skip, limit)

    def hold(self, batch: records_pb2.RecordBatch | None, records: int) -> bytes | None:
        """Counts a batch and returns its message, or None for records that are durable."""
        if batch is None:
            self._window.skip(records)
            return None
        limit = self._sync.max_message_bytes
        if batch.ByteSize() > limit:
            raise RecordTooLarge(
                f"record {self.next_offset} has {batch.ByteSize()} bytes; the server takes "
                f"messages of {limit} bytes"
            )
        self.is_interrupted = True
        return self._window.add_batch(batch, records)

    def hold_checkpoint(self, checkpoint_id: str, state: bytes) -> bytes:
        self.is_interrupted = True
        return self._window.add_checkpoint(checkpoint_id, state)

    def hold_flush(self) -> bytes:
        self.is_interrupted = True
        return self._window.add_batch(records_pb2.RecordBatch(flush=True), 0)

    def sent(self) -> None:
        """Everything that is held has been sent."""
        self.is_interrupted = False

    def opening(self) -> list[bytes]:
        """Returns the first messages of a new call: the header, and all that is held."""
        self._last_answer = Answer()
        self._epochs.call_begins()
        self.is_open = False
        header = records_pb2.StreamHeader(
            sync_id=self._sync.sync_id,
            descriptor=self.stream.descriptor,
            writer_id=self.writer_id,
            expected_epoch=self._epochs.expected,
            plan_version=self.stream.plan.plan_version,
        )
        first = records_pb2.AppendRecordsRequest(header=header).SerializeToString()
        return [first, *self._window.held()]

    def take_answer(self, answer: Answer) -> Progress | None:
        """Releases what is durable. Returns the progress, if there is any, for `report`."""
        self._last_answer = answer
        durable_offset = answer.durable_offset
        if answer.HasField("opened"):
            self.is_open = True
            durable_offset = max(durable_offset, answer.opened.durable_offset)
            self._epochs.call_opened(answer.opened.epoch)
        if not self._window.acknowledge(durable_offset, answer.last_checkpoint_id):
            return None
        self._retry.reset()
        return Progress(
            self.stream.config.name,
            self.writer_id,
            self._window.next_offset,
            self._window.durable_offset,
            self._rejected + answer.records_rejected,
            self._nulled + answer.values_nulled,
        )

    def report(self, progress: Progress | None) -> None:
        """Calls the caller's callback. Call it without a lock."""
        if progress is not None:
            report(self._progress, progress)

    def end_call(self, error: SynclineError | None = None) -> None:
        """The open call has ended with `error`, or was cancelled."""
        self._epochs.call_ended("" if error is None else error.reason)
        self._rejected += self._last_answer.records_rejected
        self._nulled += self._last_answer.values_nulled
        self._last_answer = Answer()
        self.needs_position = True
        self.is_interrupted = False  # the next call sends everything that is held

    def end_half_closed_call(self, error: SynclineError | None) -> SynclineError | None:
        """The call has ended after its half-close. Returns why the writer needs another one."""
        self.end_call(error)
        if error is None and not self.is_durable():
            error = Unavailable(
                grpc.StatusCode.UNAVAILABLE, "the call ended before its records were committed"
            )
        if error is None:
            self._window.release_all()
            self._epochs.call_succeeded()
            self.needs_position = False
        return error

    def next_delay(self, error: SynclineError) -> float:
        """Returns the seconds until the next attempt, or raises `error` if it is final."""
        try:
            return self._retry.next_delay(error, self._epochs.opened)
        except SynclineError as final:
            self._failed = final
            raise

    def restart(self, answer: sync_service_pb2.StartSyncResponse) -> None:
        """Continues where the server is, according to its answer to StartSync.

        Records that became durable without an answer are progress. Raises FENCED if another caller
        has opened the writer. The error of the call that broke may be another one, because a call
        that breaks while it sends can lose its own.
        """
        plan = self._sync.find_plan(answer, self.stream)
        durable_offset, epoch = writer_position(plan, self.writer_id)
        advanced = durable_offset > self._window.durable_offset
        try:
            if not self._epochs.resume(epoch):
                raise Conflict(
                    grpc.StatusCode.ABORTED,
                    f"another call has opened the writer {self.writer_id!r}",
                    "FENCED",
                )
            self._window.restart(durable_offset)
        except Exception as final:
            self._failed = final
            raise
        if advanced:
            self._retry.reset()
        self.needs_position = False
