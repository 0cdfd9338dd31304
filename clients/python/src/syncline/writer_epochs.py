"""The epochs of one writer's calls, by which another caller that takes it over is noticed."""

from __future__ import annotations


class WriterEpochs:
    """What the next call of a writer expects, and which epochs its calls can have had.

    The server opens the writer for a call only if its epoch is not higher than the call expects.
    What StartSync returns may be the epoch of another caller. Not thread-safe: the writer guards
    it.
    """

    def __init__(self, epoch: int) -> None:
        self.expected = epoch
        # Whether the server has opened the writer for the last call. No call that broke before can
        # open it any more, so that FENCED is due to another caller.
        self.opened = False
        self._highest = epoch  # that a call of this caller can have
        self._highest_before = epoch  # the last call

    def call_begins(self) -> None:
        """Call it for the header of a call."""
        self.opened = False
        self._highest_before = self._highest
        self._highest = self.expected + 1

    def call_opened(self, epoch: int) -> None:
        """Call it when the server has answered that the writer is open; 0 if it opened nothing."""
        if epoch != 0:
            self.opened = True
            self._highest = epoch

    def call_ended(self, reason: str) -> None:
        """Call it when a call has ended with the error `reason`, or was cancelled."""
        if reason == "FENCED" and not self.opened:
            self._highest = self._highest_before  # the call was refused: its epoch does not exist

    def call_succeeded(self) -> None:
        """Call it when a call has ended with OK and with all of its records committed."""
        self.expected += 1

    def resume(self, epoch: int) -> bool:
        """Takes the epoch that StartSync returned. Returns whether it can be of this caller."""
        self.expected = epoch
        return epoch <= self._highest
