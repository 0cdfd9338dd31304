"""The blocking writer: sends the records of one writer of one stream, in order."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any, Callable

import grpc

from .errors import SynclineError, from_rpc_error
from .v1 import sync_service_pb2
from .writer_state import Answer, WriterState


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
        # Until the call has ended with OK, so that no failure of the thread looks like success.
        self.error: SynclineError | None = SynclineError(
            grpc.StatusCode.INTERNAL, "the answers of the call were not read to their end"
        )
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
            self.error = None
        except grpc.RpcError as error:
            self.error = from_rpc_error(error)
        except Exception as error:
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
        state: WriterState,
        *,
        method: Any,
        metadata: Any,
        start: Callable[[], sync_service_pb2.StartSyncResponse],
    ) -> None:
        self.writer_id = state.writer_id
        self._state = state  # guarded by _changed, because answers change it
        self._changed = threading.Condition()
        self._method = method
        self._metadata = metadata
        self._start = start
        self._call: _Call | None = None

    @property
    def next_offset(self) -> int:
        """The number of the record that is written next."""
        return self._state.next_offset

    @property
    def durable_offset(self) -> int:
        """The number of records of this writer that are committed."""
        with self._changed:
            return self._state.durable_offset

    @property
    def held_bytes(self) -> int:
        """The bytes that were sent and are not known to be durable."""
        with self._changed:
            return self._state.held_bytes

    def seek(self, offset: int) -> None:
        """Starts at record `offset`, at most `durable_offset`, instead of at record 0.

        By default a caller writes all records again, and those that are durable are not sent.
        """
        with self._changed:
            self._state.seek(offset)

    def write(self, data: Any, *, flush: bool = False) -> None:
        """Sends `data`: dicts, rows, or anything with an Arrow schema.

        Returns when the data has been handed to gRPC; waits while more than the window's bytes are
        not durable. With `flush`, returns when the data is durable. After an exception, the records
        before `next_offset` were taken, and the stream cannot be completed before another write().
        """
        with self._state.writing():
            for batch, records in self._state.encode(data):
                self._deliver(lambda: self._state.hold(batch, records))  # noqa: B023
            if flush:
                self.flush()

    def checkpoint(self, checkpoint_id: str, state: bytes = b"") -> None:
        """Sends a position of the source, which commits what was written before it."""
        self._deliver(lambda: self._state.hold_checkpoint(checkpoint_id, state))

    def flush(self) -> None:
        """Returns when everything that was written is durable."""
        if self.durable_offset < self.next_offset:
            self._deliver(self._state.hold_flush)
            self._wait(self._state.is_durable)

    def close(self) -> None:
        """Ends the open call, if any, and returns when everything is durable."""
        self._state.raise_if_failed()
        self._cancel_if_interrupted()
        while True:
            if self._call is None:
                if not self._state.holds_messages():
                    return
                self._connect()
            call = self._call
            assert call is not None
            self._state.is_interrupted = True  # nothing can be sent on this call any more
            call.half_close()
            with self._changed:
                while not call.ended:
                    self._wait_for_answer()
                self._call = None
                error = self._state.end_half_closed_call(call.error)
            if error is None:
                return
            self._connect(error)

    def cancel(self) -> None:
        """Cancels the open call, if any. What is durable stays, and the rest is held."""
        if self._call is not None:
            self._call.cancel()
            self._end_call()

    def raise_if_unfinished(self) -> None:
        """Raises WriteUnfinished if the last write() raised an exception."""
        self._state.raise_if_unfinished()

    def _deliver(self, hold: Callable[[], bytes | None]) -> None:
        self._state.raise_if_failed()
        self._cancel_if_interrupted()
        with self._changed:
            message = hold()
        if message is None:
            return
        call = self._call
        if call is None:
            self._connect()  # sends everything that is held
        elif not call.ended:
            call.send(message)
        self._state.sent()
        # The call may have ended before or after send(); then what is held is sent on a new one.
        self._wait(self._state.has_room)

    def _cancel_if_interrupted(self) -> None:
        if self._state.is_interrupted:
            self.cancel()

    def _wait(self, condition: Callable[[], bool]) -> None:
        """Waits until `condition`, and opens another call if the call ends before."""
        while True:
            with self._changed:
                call = self._call
                while not condition() and not (call is None or call.ended):
                    self._wait_for_answer()
                if call is None or (condition() and not call.ended):
                    return
            error = call.error or SynclineError(grpc.StatusCode.UNKNOWN, "the call ended")
            self._end_call(error)
            self._connect(error)

    def _wait_for_answer(self) -> None:
        """Waits, with `_changed` held, for an answer or the end of the call."""
        if not self._changed.wait(self._state.stall_timeout):
            raise self._state.stalled()

    def _end_call(self, error: SynclineError | None = None) -> None:
        with self._changed:
            self._call = None
            self._state.end_call(error)

    def _connect(self, error: SynclineError | None = None) -> None:
        """Opens a call, after the `error` of the one before, or raises it if it is final."""
        while error is not None or self._state.needs_position:
            if error is not None:
                time.sleep(self._state.next_delay(error))
            try:
                answer = self._start()
            except SynclineError as failed:
                error = failed
                continue
            with self._changed:
                self._state.restart(answer)
            break
        # Until everything is sent: if this is interrupted, the next method opens another call.
        self._state.is_interrupted = True
        self._call = _Call(self._method, self._metadata, self._on_answer, self._on_end)
        with self._changed:
            messages = self._state.opening()
        for message in messages:
            self._call.send(message)
        self._state.sent()

    def _on_answer(self, answer: Answer) -> None:
        with self._changed:
            progress = self._state.take_answer(answer)
            self._changed.notify_all()
        self._state.report(progress)

    def _on_end(self) -> None:
        with self._changed:
            self._changed.notify_all()
