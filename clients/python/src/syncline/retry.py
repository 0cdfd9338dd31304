"""Decides whether and when a failed call is sent again."""

from __future__ import annotations

import logging
import random
import time

from .errors import SynclineError

logger = logging.getLogger("syncline")

_FIRST_DELAY = 0.1
_MAX_DELAY = 3.0


class Retry:
    """The delays of one retry loop, for up to `retry_for` seconds since the last success."""

    def __init__(self, retry_for: float) -> None:
        self._retry_for = retry_for
        self._give_up_at: float | None = None
        self._delay = _FIRST_DELAY
        self._may_retry_fenced = False

    def next_delay(self, error: SynclineError, opened: bool = False) -> float:
        """Returns the seconds to wait before the next attempt, or raises `error` if it is final.

        FENCED is retried once after a call that broke before the server had `opened` the writer
        for it, because the server may have done so after its epoch was read.
        """
        fenced = error.reason == "FENCED"
        if not (self._may_retry_fenced and not opened if fenced else error.retryable):
            raise error
        self._may_retry_fenced = not fenced and not opened
        now = time.monotonic()
        if self._give_up_at is None:
            self._give_up_at = now + self._retry_for
        delay = max(self._delay * random.uniform(0.5, 1.0), error.retry_after or 0.0)
        self._delay = min(self._delay * 2, _MAX_DELAY)
        if now + delay > self._give_up_at:
            raise error
        logger.warning("call failed, next attempt in %.1f s: %s", delay, error)
        return delay

    def reset(self) -> None:
        """Call it after a success. The time starts again at the next failure."""
        self._give_up_at = None
        self._delay = _FIRST_DELAY
