"""The asyncio writer: sends the records of one writer of one stream, in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Awaitable
from typing import Any, Callable

import grpc
import grpc.aio

from .errors import SynclineError, Unavailable, from_rpc_error
from .v1 import sync_service_pb2
from .writer_state import WriterState

# What grpc.aio raises for a write to a call that has ended.
_ENDED = (grpc.RpcError, grpc.aio.UsageError, asyncio.InvalidStateError)

# Rows of an asynchronous source that are collected before they are encoded.
_ROWS_AT_ONCE = 1000


class AsyncWriter:
    """Sends records of one ordered writer of a stream, and knows what is durable.

    Get it from `AsyncSyncStream.writer`; see `Writer`. Used by one task at a time. A method that is
    cancelled can be called again: what was taken is sent once.
    """

    def __init__(
        self,
        state: WriterState,
        *,
        method: Any,
        metadata: Any,
        start: Callable[[], Awaitable[sync_service_pb2.StartSyncResponse]],
    ) -> None:
        self.writer_id = state.writer_id
        self._state = state
        self._changed = asyncio.Event()
        self._method = method
        self._metadata = metadata
        self._start = start
        self._call: Any = None
        self._reader: asyncio.Task[SynclineError | None] | None = None

    @property
    def next_offset(self) -> int:
        """The number of the record that is written next."""
        return self._state.next_offset

    @property
    def durable_offset(self) -> int:
        """The number of records of this writer that are committed."""
        return self._state.durable_offset

    @property
    def held_bytes(self) -> int:
        """The bytes that were sent and are not known to be durable."""
        return self._state.held_bytes

    def seek(self, offset: int) -> None:
        """Starts at record `offset`, at most `durable_offset`, instead of at record 0."""
        self._state.seek(offset)

    async def write(self, data: Any, *, flush: bool = False) -> None:
        """Sends `data`: dicts, rows, an asynchronous iterable of them, or Arrow data.

        Waits while more than the window's bytes are not durable. With `flush`, returns when the
        data is durable. After an exception, the records before `next_offset` were taken, and the
        stream cannot be completed before another write().
        """
        with self._state.writing():
            if isinstance(data, AsyncIterable):
                held: list[Any] = []
                async for row in data:
                    held.append(row)
                    if len(held) == _ROWS_AT_ONCE:
                        await self._write(held)
                        held = []
                data = held
            await self._write(data)
            if flush:
                await self.flush()

    async def _write(self, data: Any) -> None:
        for batch, records in self._state.encode(data):
            await self._deliver(lambda: self._state.hold(batch, records))  # noqa: B023

    async def checkpoint(self, checkpoint_id: str, state: bytes = b"") -> None:
        """Sends a position of the source, which commits what was written before it."""
        await self._deliver(lambda: self._state.hold_checkpoint(checkpoint_id, state))

    async def flush(self) -> None:
        """Returns when everything that was written is durable."""
        if self.durable_offset < self.next_offset:
            await self._deliver(self._state.hold_flush)
            await self._wait(self._state.is_durable)

    async def close(self) -> None:
        """Ends the open call, if any, and returns when everything is durable."""
        self._state.raise_if_failed()
        await self._cancel_if_interrupted()
        while True:
            if self._reader is None:
                if not self._state.holds_messages():
                    return
                await self._connect()
            reader = self._reader
            assert reader is not None
            self._state.is_interrupted = True  # nothing can be sent on this call any more
            # If the call has ended, its reader has the error.
            with contextlib.suppress(*_ENDED):
                await self._call.done_writing()
            while not reader.done():
                await self._wait_for_answer()
            self._call = self._reader = None
            error = self._state.end_half_closed_call(reader.result())
            if error is None:
                return
            await self._connect(error)

    async def cancel(self) -> None:
        """Cancels the open call, if any. What is durable stays, and the rest is held."""
        if self._reader is not None:
            self._call.cancel()
            await asyncio.wait([self._reader])
            self._end_call()

    def raise_if_unfinished(self) -> None:
        """Raises WriteUnfinished if the last write() raised an exception."""
        self._state.raise_if_unfinished()

    async def _deliver(self, hold: Callable[[], bytes | None]) -> None:
        self._state.raise_if_failed()
        await self._cancel_if_interrupted()
        message = hold()
        if message is None:
            return
        if self._call is None:
            await self._connect()  # sends everything that is held
        else:
            await self._send(message)
        self._state.sent()
        await self._wait(self._state.has_room)

    async def _cancel_if_interrupted(self) -> None:
        if self._state.is_interrupted:
            await self.cancel()

    async def _send(self, message: bytes) -> None:
        """Sends a message. If the call has ended, the message stays held for the next one."""
        with contextlib.suppress(*_ENDED):
            await self._call.write(message)

    async def _wait(self, condition: Callable[[], bool]) -> None:
        """Waits until `condition`, and opens another call if the call ends before."""
        while self._reader is not None:
            if self._reader.done():
                error = self._reader.result() or SynclineError(
                    grpc.StatusCode.UNKNOWN, "the call ended"
                )
                self._end_call(error)
                await self._connect(error)
            elif condition():
                return
            else:
                await self._wait_for_answer()

    async def _wait_for_answer(self) -> None:
        """Waits for an answer or the end of the call."""
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), self._state.stall_timeout)
        except asyncio.TimeoutError:
            raise self._state.stalled() from None

    def _end_call(self, error: SynclineError | None = None) -> None:
        self._call = self._reader = None
        self._state.end_call(error)

    async def _connect(self, error: SynclineError | None = None) -> None:
        """Opens a call, after the `error` of the one before, or raises it if it is final."""
        while error is not None or self._state.needs_position:
            if error is not None:
                await asyncio.sleep(self._state.next_delay(error))
            try:
                answer = await self._start()
            except SynclineError as failed:
                error = failed
                continue
            self._state.restart(answer)
            break
        self._call = self._method(metadata=self._metadata)
        self._reader = asyncio.create_task(self._read(self._call))
        # Until everything is sent: if this is cancelled, the next method opens another call.
        self._state.is_interrupted = True
        header, *held = self._state.opening()
        await self._send(header)
        # A write to a call that the server has refused replaces its error, which may be FENCED.
        while not (self._state.is_open or self._reader.done()):
            await self._wait_for_answer()
        for message in held:
            await self._send(message)
        self._state.sent()

    async def _read(self, call: Any) -> SynclineError | None:
        """Takes the answers of one call, and returns its error."""
        try:
            async for answer in call:
                progress = self._state.take_answer(answer)
                self._changed.set()
                self._state.report(progress)
        except grpc.RpcError as error:
            return from_rpc_error(error)
        except asyncio.CancelledError:
            # A cancelled send() cancels the call, too. A cancelled task must stay so.
            if call.cancelled():
                return Unavailable(grpc.StatusCode.UNAVAILABLE, "the call was cancelled")
            raise
        except Exception as error:
            return SynclineError(grpc.StatusCode.INTERNAL, repr(error))
        finally:
            self._changed.set()
        return None
