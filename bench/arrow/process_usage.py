"""CPU seconds of processes, from /proc. They are 0 for a process that does not exist."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """Returns the fields from the state on, which proc(5) numbers from 3."""
    try:
        # The name in parentheses may contain spaces and parentheses.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _seconds(fields: list[str], first: int) -> float:
    """Returns the sum of the user time, whose number in proc(5) is `first`, and the system time."""
    return sum(map(int, fields[first - 3 : first - 1])) / _TICKS


def cpu_seconds(pid: int) -> float:
    """Returns the CPU seconds of the process itself."""
    return _seconds(_stat(pid), 14)


def postgres_cpu_seconds(postmaster: int) -> float:
    """Returns the CPU seconds of a postmaster, its children, and its former children."""
    fields = _stat(postmaster)
    seconds = _seconds(fields, 14) + _seconds(fields, 16)
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            child = _stat(int(entry))
            if child and int(child[1]) == postmaster:
                seconds += _seconds(child, 14)
    return seconds
