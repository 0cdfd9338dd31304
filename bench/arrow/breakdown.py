"""Where the time of a load in Python goes, by clocks around the steps of the package.

These loads are not those that are compared. The clocks are read a few times per message.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from typing import Any, Callable
from unittest import mock

from syncline import batches, client, window, writer, writer_state

from report import Usage, markdown

# Steps of the thread that calls load(), in the order of the table.
STEPS = {
    "StartSync": "StartSync, which creates the table",
    "encode": "encode: Arrow's buffers into messages",
    "serialize": "encode: messages into bytes",
    "send": "send: to gRPC, and waiting while more than the window is not durable",
    "wait": "wait: the last records become durable",
    "CompleteStream": "CompleteStream",
}
_REST = "the rest of this thread"
_OTHERS = "other threads: gRPC sends and receives, answers are read"
_TOTAL = "total"

# Seconds of wall time, and of CPU.
Times = tuple[float, float]


class _Clocks:
    def __init__(self) -> None:
        self.times: dict[str, Times] = {}

    @contextlib.contextmanager
    def around(self, step: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            before = self.times.get(step, (0.0, 0.0))
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            self.times[step] = (before[0] + wall, before[1] + cpu)

    def function(self, step: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            with self.around(step):
                return original(*arguments, **named)

        return timed

    def generator(self, step: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Iterator[Any]:
            values = original(*arguments)
            while True:
                with self.around(step):
                    value = next(values, None)
                if value is None:
                    return
                yield value

        return timed

    def call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        """For Client.call, whose second argument is the method."""

        def timed(caller: Any, method: str, request: Any) -> Any:
            with self.around(method):
                return original(caller, method, request)

        return timed

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Times the steps of the package inside the block."""
        with contextlib.ExitStack() as patches:
            for owner, name, timed in (
                (client.Client, "call", self.call(client.Client.call)),
                (writer_state, "record_batches", self.generator("encode", batches.record_batches)),
                (window.Window, "add_batch", self.function("serialize", window.Window.add_batch)),
                (writer.Writer, "_deliver", self.function("send", writer.Writer._deliver)),
                (writer.Writer, "close", self.function("wait", writer.Writer.close)),
            ):
                patches.enter_context(mock.patch.object(owner, name, timed))
            yield


def _run(load: Callable[[], Usage]) -> dict[str, Times]:
    clocks = _Clocks()
    with clocks.installed():
        usage = load()
    times = clocks.times
    wall, cpu = (sum(step[i] for step in times.values()) for i in (0, 1))
    times[_REST] = (usage.wall - wall, usage.caller - cpu)
    times[_OTHERS] = (0.0, usage.client - usage.caller)
    times[_TOTAL] = (usage.wall, usage.client)
    return times


def measure(load: Callable[[], Usage], repetitions: int) -> dict[str, Times]:
    """Returns the median of each step over some loads."""
    runs = [_run(load) for _ in range(repetitions)]
    return {
        step: (
            statistics.median(run[step][0] for run in runs),
            statistics.median(run[step][1] for run in runs),
        )
        for step in runs[0]
    }


def table(shares: dict[str, dict[str, Times]]) -> str:
    """Returns the table of the steps, with two columns per shape of table."""
    head = ["step"]
    for shape in shares:
        head += [f"{shape}: wall s", f"{shape}: CPU s"]
    rows = []
    for step, title in [*STEPS.items(), (_REST, _REST), (_OTHERS, _OTHERS), (_TOTAL, _TOTAL)]:
        cells = [title]
        for times in shares.values():
            wall, cpu = times[step]
            cells += ["" if step == _OTHERS else f"{wall:.3f}", f"{cpu:.3f}"]
        rows.append(cells)
    return markdown(head, rows)
