"""The blocking writer: sends the records of one writer of one stream, in order."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Callable

import grpc

from .batches import RecordTooLarge, record_batches
from .errors import SynclineError, from_rpc_error
from .retry import Retry
from .rpc import OnProgress, Progress, StartedStream, StartedSync, header_message, report
from .v1 import records_pb2, sync_service_pb2
from .window import Window

Answer = sync_service_pb2.AppendRecordsResponse


class _Call:
    """One AppendRecords call. Its answers arrive on a thread of its own."""

    def __init__(
        self,
        method: Any,
        metadata: Any,
        on_answer: Callable[[Answer], None],
        on_end: Callable[[], None],
    ) -> None:
        self.ended = False
        self.error: SynclineError | None = None
        self._on_answer = on_answer
        self._on_end = on_end
        self._messages: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._call = method(iter(self._messages.get, None), metadata=metadata)
        self._reader = threading.Thread(target=self._read, name="syncline-answers", daemon=True)
        self._reader.start()

    def send(self, message: bytes) -> None:
        self._messages.put(message)

    def half_close(self) -> None:
        self._messages.put(None)

    def cancel(self) -> None:
        self._call.cancel()
        self._reader.join()

    def _read(self) -> None:
        try:
            for answer in self._call:
                self._on_answer(answer)
        except grpc.RpcError as error:
            self.error = from_rpc_error(error)
        except Exception as error:  # an answer that cannot be read must not look like success
            self.error = SynclineError(grpc.StatusCode.INTERNAL, repr(error))
        finally:
            self._messages.put(None)  # ends gRPC's thread that waits for messages
            self.ended = True
            self._on_end()


class Writer:
    """Sends records of one ordered writer of a stream, and knows what is durable.

    Get it from `SyncStream.writer`. Several writers of one stream load in parallel; each has its
    own records, numbered from 0, and is used by one thread at a time. After a failed call, what is
    not durable is sent again.
    """

    def __init__(
        self,
        sync: StartedSync,
        stream: StartedStream,
        writer_id: str,
        *,
        method: Any,
        metadata: Any,
        restart: Callable[[], None],
        retry_for: float,
        window_bytes: int,
        progress: OnProgress | None,
    ) -> None:
        self.writer_id = writer_id
        self._sync = sync
        self._stream = stream
        self._method = method
        self._metadata = metadata
        self._restart = restart
        self._window_bytes = window_bytes
        self._progress = progress
        self._retry = Retry(retry_for)
        durable_offset, self._expected_epoch = stream.position(writer_id)
        self._window = Window(durable_offset)
        self._changed = threading.Condition()
        self._call: _Call | None = None
        self._failed: SynclineError | None = None  # a final error
        self._rejected = 0  # of calls that have ended
        self._nulled = 0
        self._last_answer = Answer()

    @property
    def next_offset(self) -> int:
        """The number of the record that is written next."""
        return self._window.next_offset

    @property
    def durable_offset(self) -> int:
        """The number of records of this writer that are committed."""
        with self._changed:
            return self._window.durable_offset

    @property
    def held_bytes(self) -> int:
        """The bytes that were sent and are not known to be durable."""
        with self._changed:
            return self._window.held_bytes

    def seek(self, offset: int) -> None:
        """Starts at record `offset`, at most `durable_offset`, instead of at record 0.

        By default a caller writes all records again, and those that are durable are not sent.
        """
        with self._changed:
            if self._window.next_offset != 0 or not 0 <= offset <= self._window.durable_offset:
                raise ValueError("seek() needs a durable offset, and comes before write()")
            self._window.skip(offset)

    def write(self, data: Any, *, flush: bool = False) -> None:
        """Sends `data`: dicts, rows, or anything with an Arrow schema.

        Returns when the data has been handed to gRPC; waits while more than the window's bytes are
        not durable. With `flush`, returns when the data is durable.
        """
        skip = max(0, self._window.durable_offset - self._window.next_offset)
        limit = self._sync.max_message_bytes
        for batch, records in record_batches(data, self._stream.properties, skip, limit):
            if batch is None:
                self._window.skip(records)
                continue
            if batch.ByteSize() > limit:
                raise RecordTooLarge(
                    f"record {self.next_offset} has {batch.ByteSize()} bytes; the server takes "
                    f"messages of {limit} bytes"
                )
            with self._changed:
                message = self._window.add_batch(batch, records)
            self._deliver(message)
        if flush:
            self.flush()

    def checkpoint(self, checkpoint_id: str, state: bytes = b"") -> None:
        """Sends a position of the source, which commits what was written before it."""
        with self._changed:
            message = self._window.add_checkpoint(checkpoint_id, state)
        self._deliver(message)

    def flush(self) -> None:
        """Returns when everything that was written is durable."""
        with self._changed:
            if self._window.durable_offset >= self._window.next_offset:
                return
            message = self._window.add_batch(records_pb2.RecordBatch(flush=True), 0)
        self._deliver(message)
        self._wait(lambda: self._window.durable_offset >= self._window.next_offset)

    def close(self) -> None:
        """Ends the open call, if any, and returns when everything is durable."""
        if self._failed is not None:
            raise self._failed
        while self._call is not None:
            self._call.half_close()
            with self._changed:
                while not self._call.ended:
                    self._changed.wait()
            if self._call.error is None:
                self._end_call()
                with self._changed:
                    self._window.release_all()
                self._expected_epoch += 1
                return
            self._recover(self._call.error)

    def cancel(self) -> None:
        """Cancels the open call, if any. What is durable stays."""
        if self._call is not None:
            self._call.cancel()
            self._end_call()

    def _deliver(self, message: bytes) -> None:
        if self._failed is not None:
            raise self._failed
        if self._call is None:
            self._open()  # sends everything that is held
        elif not self._call.ended:
            self._call.send(message)
        # The call may have ended before or after send(); _recover sends what is held.
        self._wait(lambda: self._window.held_bytes <= self._window_bytes)

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Waits until `condition`, and recovers if the call ends before."""
        while True:
            with self._changed:
                call = self._call
                while not condition() and not (call is None or call.ended):
                    self._changed.wait()
                if condition() and not (call is not None and call.ended):
                    return
            if call is None:
                return
            self._recover(call.error or SynclineError(grpc.StatusCode.UNKNOWN, "the call ended"))

    def _open(self) -> None:
        self._last_answer = Answer()
        call = _Call(self._method, self._metadata, self._on_answer, self._on_end)
        call.send(
            header_message(self._sync.sync_id, self._stream, self.writer_id, self._expected_epoch)
        )
        with self._changed:
            for message in self._window.held():
                call.send(message)
        self._call = call

    def _end_call(self) -> None:
        self._rejected += self._last_answer.records_rejected
        self._nulled += self._last_answer.values_nulled
        self._last_answer = Answer()
        self._call = None

    def _recover(self, error: SynclineError) -> None:
        """Opens a new call from what the server has, or raises the error if it is final."""
        self._end_call()
        while True:
            try:
                delay = self._retry.next_delay(error)
            except SynclineError as final:
                self._failed = final
                raise
            time.sleep(delay)
            try:
                self._restart()
                break
            except SynclineError as failed:
                error = failed
        durable_offset, self._expected_epoch = self._stream.position(self.writer_id)
        with self._changed:
            self._window.restart(durable_offset)
        self._open()

    def _on_answer(self, answer: Answer) -> None:
        with self._changed:
            self._last_answer = answer
            durable_offset = answer.durable_offset
            if answer.HasField("opened"):
                durable_offset = max(durable_offset, answer.opened.durable_offset)
            advanced = self._window.acknowledge(durable_offset, answer.last_checkpoint_id)
            if advanced:
                self._retry.reset()
                self._changed.notify_all()
            state = Progress(
                self._stream.config.name,
                self.writer_id,
                self._window.next_offset,
                self._window.durable_offset,
                self._rejected + answer.records_rejected,
                self._nulled + answer.values_nulled,
            )
        if advanced:
            report(self._progress, state)

    def _on_end(self) -> None:
        with self._changed:
            self._changed.notify_all()
