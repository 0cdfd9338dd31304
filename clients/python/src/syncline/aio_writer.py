"""The asyncio writer: sends the records of one writer of one stream, in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from .batches import RecordTooLarge, record_batches
from .errors import SynclineError, from_rpc_error
from .retry import Retry
from .rpc import (
    Connection,
    OnProgress,
    Progress,
    StartedStream,
    StartedSync,
    header_message,
    report,
)
from .v1 import records_pb2, sync_service_pb2
from .window import Window

Answer = sync_service_pb2.AppendRecordsResponse

# What grpc.aio raises for a write to a call that has ended.
_ENDED = (grpc.RpcError, grpc.aio.UsageError, asyncio.InvalidStateError)

# Rows of an asynchronous source that are collected before they are encoded.
_ROWS_AT_ONCE = 1000


class AsyncWriter:
    """Sends records of one ordered writer of a stream, and knows what is durable.

    Get it from `AsyncSyncStream.writer`; see `Writer`. Used by one task at a time.
    """

    def __init__(
        self,
        call_once: Callable[[str, Any], Awaitable[Any]],
        connection: Connection,
        method: Any,
        sync: StartedSync,
        stream: StartedStream,
        writer_id: str,
        progress: OnProgress | None,
    ) -> None:
        self.writer_id = writer_id
        self._call_once = call_once
        self._connection = connection
        self._method = method
        self._sync = sync
        self._stream = stream
        self._progress = progress
        self._retry = Retry(connection.retry_for)
        durable_offset, self._expected_epoch = stream.position(writer_id)
        self._window = Window(durable_offset)
        self._changed = asyncio.Event()
        self._call: Any = None
        self._reader: asyncio.Task[SynclineError | None] | None = None
        self._failed: SynclineError | None = None  # a final error
        self._last_answer = Answer()
        self._rejected = 0  # of calls that have ended
        self._nulled = 0

    @property
    def next_offset(self) -> int:
        """The number of the record that is written next."""
        return self._window.next_offset

    @property
    def durable_offset(self) -> int:
        """The number of records of this writer that are committed."""
        return self._window.durable_offset

    @property
    def held_bytes(self) -> int:
        """The bytes that were sent and are not known to be durable."""
        return self._window.held_bytes

    def seek(self, offset: int) -> None:
        """Starts at record `offset`, at most `durable_offset`, instead of at record 0."""
        if self._window.next_offset != 0 or not 0 <= offset <= self._window.durable_offset:
            raise ValueError("seek() needs a durable offset, and comes before write()")
        self._window.skip(offset)

    async def write(self, data: Any, *, flush: bool = False) -> None:
        """Sends `data`: dicts, rows, an asynchronous iterable of them, or Arrow data.

        Waits while more than the window's bytes are not durable. With `flush`, returns when the
        data is durable.
        """
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
            await self._deliver(self._window.add_batch(batch, records))

    async def checkpoint(self, checkpoint_id: str, state: bytes = b"") -> None:
        """Sends a position of the source, which commits what was written before it."""
        await self._deliver(self._window.add_checkpoint(checkpoint_id, state))

    async def flush(self) -> None:
        """Returns when everything that was written is durable."""
        if self._window.durable_offset >= self._window.next_offset:
            return
        await self._deliver(self._window.add_batch(records_pb2.RecordBatch(flush=True), 0))
        await self._wait(lambda: self._window.durable_offset >= self._window.next_offset)

    async def close(self) -> None:
        """Ends the open call, if any, and returns when everything is durable."""
        if self._failed is not None:
            raise self._failed
        while self._reader is not None:
            # If the call has ended, its reader has the error.
            with contextlib.suppress(*_ENDED):
                await self._call.done_writing()
            error = await self._reader
            self._end_call()
            if error is None:
                self._window.release_all()
                self._expected_epoch += 1
                return
            await self._recover(error)

    async def cancel(self) -> None:
        """Cancels the open call, if any. What is durable stays."""
        if self._reader is not None:
            self._call.cancel()
            await asyncio.wait([self._reader])
            self._end_call()

    async def _deliver(self, message: bytes) -> None:
        if self._failed is not None:
            raise self._failed
        if self._call is None:
            await self._open()  # sends everything that is held
        else:
            await self._send(message)
        await self._wait(lambda: self._window.held_bytes <= self._connection.window_bytes)

    async def _send(self, message: bytes) -> None:
        """Sends a message. If the call has ended, the message stays held for the next one."""
        with contextlib.suppress(*_ENDED):
            await self._call.write(message)

    async def _wait(self, condition: Callable[[], bool]) -> None:
        """Waits until `condition`, and recovers if the call ends before."""
        while self._reader is not None:
            if self._reader.done():
                error = self._reader.result()
                self._end_call()
                await self._recover(
                    error or SynclineError(grpc.StatusCode.UNKNOWN, "the call ended")
                )
            elif condition():
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _open(self) -> None:
        self._last_answer = Answer()
        self._call = self._method(metadata=self._connection.metadata)
        self._reader = asyncio.create_task(self._read(self._call))
        header = header_message(
            self._sync.sync_id, self._stream, self.writer_id, self._expected_epoch
        )
        await self._send(header)
        for message in self._window.held():
            await self._send(message)

    def _end_call(self) -> None:
        self._rejected += self._last_answer.records_rejected
        self._nulled += self._last_answer.values_nulled
        self._last_answer = Answer()
        self._call = None
        self._reader = None

    async def _recover(self, error: SynclineError) -> None:
        """Opens a new call from what the server has, or raises the error if it is final."""
        while True:
            try:
                delay = self._retry.next_delay(error)
            except SynclineError as final:
                self._failed = final
                raise
            await asyncio.sleep(delay)
            try:
                self._sync.take_answer(await self._call_once("StartSync", self._sync.request))
                break
            except SynclineError as failed:
                error = failed
        durable_offset, self._expected_epoch = self._stream.position(self.writer_id)
        self._window.restart(durable_offset)
        await self._open()

    async def _read(self, call: Any) -> SynclineError | None:
        """Takes the answers of one call, and returns its error."""
        try:
            async for answer in call:
                self._take(answer)
        except grpc.RpcError as error:
            return from_rpc_error(error)
        except asyncio.CancelledError:
            # The call was cancelled by this client; a cancelled task must stay so.
            if call.cancelled():
                return SynclineError(grpc.StatusCode.CANCELLED, "the call was cancelled")
            raise
        finally:
            self._changed.set()
        return None

    def _take(self, answer: Answer) -> None:
        self._last_answer = answer
        durable_offset = answer.durable_offset
        if answer.HasField("opened"):
            durable_offset = max(durable_offset, answer.opened.durable_offset)
        if not self._window.acknowledge(durable_offset, answer.last_checkpoint_id):
            return
        self._retry.reset()
        self._changed.set()
        report(
            self._progress,
            Progress(
                self._stream.config.name,
                self.writer_id,
                self._window.next_offset,
                self._window.durable_offset,
                self._rejected + answer.records_rejected,
                self._nulled + answer.values_nulled,
            ),
        )
