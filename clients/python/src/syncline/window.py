"""The records of one writer that are not known to be durable. Without I/O."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from .v1 import records_pb2


class DurableOffsetMovedBack(RuntimeError):
    """The database has lost committed records, and they are no longer held here."""


class Window:
    """Holds encoded messages until their records are durable, so that they can be sent again.

    Not thread-safe: the writer guards it.
    """

    def __init__(self, durable_offset: int) -> None:
        self.next_offset = 0
        self.durable_offset = durable_offset
        self.held_bytes = 0
        self.stored_checkpoint = ""
        self._sent: deque[tuple[bytes, int, str]] = deque()

    def add_batch(self, batch: records_pb2.RecordBatch, records: int) -> bytes:
        """Numbers the batch, holds it, and returns the message."""
        batch.first_offset = self.next_offset
        self.next_offset += records
        message = records_pb2.AppendRecordsRequest(batch=batch).SerializeToString()
        self._hold(message, self.next_offset, "")
        return message

    def add_checkpoint(self, checkpoint_id: str, state: bytes) -> bytes:
        """Holds a checkpoint of everything before it, and returns the message."""
        checkpoint = records_pb2.Checkpoint(checkpoint_id=checkpoint_id, state=state)
        message = records_pb2.AppendRecordsRequest(checkpoint=checkpoint).SerializeToString()
        self._hold(message, self.next_offset, checkpoint_id)
        return message

    def skip(self, records: int) -> None:
        """Counts records that are durable already."""
        self.next_offset += records

    def _hold(self, message: bytes, end_offset: int, checkpoint_id: str) -> None:
        self._sent.append((message, end_offset, checkpoint_id))
        self.held_bytes += len(message)

    def acknowledge(self, durable_offset: int, last_checkpoint_id: str = "") -> bool:
        """Releases what is durable. Returns whether anything is new."""
        advanced = durable_offset > self.durable_offset
        self.durable_offset = max(self.durable_offset, durable_offset)
        if last_checkpoint_id and last_checkpoint_id != self.stored_checkpoint:
            advanced = True
            self._mark_stored(last_checkpoint_id)
        while self._sent:
            message, end_offset, checkpoint_id = self._sent[0]
            if checkpoint_id or end_offset > self.durable_offset:
                break
            self._release(message)
        return advanced

    def _mark_stored(self, checkpoint_id: str) -> None:
        """Releases the checkpoint and everything before it."""
        self.stored_checkpoint = checkpoint_id
        if any(held == checkpoint_id for _, _, held in self._sent):
            while True:
                message, _, held = self._sent[0]
                self._release(message)
                if held == checkpoint_id:
                    return

    def _release(self, message: bytes) -> None:
        self._sent.popleft()
        self.held_bytes -= len(message)

    def release_all(self) -> None:
        """Releases everything, because the call ended with OK."""
        self._sent.clear()
        self.held_bytes = 0
        self.durable_offset = max(self.durable_offset, self.next_offset)

    def restart(self, durable_offset: int) -> None:
        """Continues at the durable offset that the server has after a failed call."""
        if durable_offset < self.durable_offset and durable_offset < self._first_held():
            raise DurableOffsetMovedBack(
                f"the server has {durable_offset} records of this writer, but "
                f"{self.durable_offset} were acknowledged; load again with another sync_id"
            )
        self.durable_offset = durable_offset
        self.acknowledge(durable_offset)

    def _first_held(self) -> int:
        """Returns the end of what is no longer held."""
        for message, _, checkpoint_id in self._sent:
            if not checkpoint_id:
                request = records_pb2.AppendRecordsRequest.FromString(message)
                return int(request.batch.first_offset)
        return self.next_offset

    def held(self) -> Iterator[bytes]:
        """Yields the messages that must be sent again, in order."""
        return (message for message, _, _ in list(self._sent))
