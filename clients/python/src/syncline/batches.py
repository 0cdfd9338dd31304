"""Turns what a caller writes into batches of records."""

from __future__ import annotations

import base64
import datetime
import decimal
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Optional

from . import arrow
from .numpy_values import from_numpy, is_missing, is_numpy
from .v1 import records_pb2

_TARGET_LINES_BYTES = 256 * 1024

# A batch and the number of its records. None stands for records that were skipped.
Batches = Iterator[tuple[Optional[records_pb2.RecordBatch], int]]


class RecordTooLarge(ValueError):
    """A record is larger than a message to the server may be."""


def _default(value: Any) -> Any:
    """Returns the JSON form of a value that json does not know."""
    if is_missing(value):
        return None
    if is_numpy(value):
        return from_numpy(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)  # a numeric column reads it digit by digit
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.timedelta):
        micros = value // datetime.timedelta(microseconds=1)
        seconds, rest = divmod(abs(micros), 10**6)
        return f"PT{'-' if micros < 0 else ''}{seconds}.{rest:06d}S"
    if isinstance(value, (set, frozenset)):
        return list(value)
    return str(value)


_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_default)
_ascii_encoder = json.JSONEncoder(separators=(",", ":"), default=_default)


def encode_record(row: Any, names: Sequence[str]) -> bytes:
    """Returns the JSON line of a dict, or of a sequence of values in the order of `names`."""
    if not isinstance(row, Mapping):
        if isinstance(row, (str, bytes)) or not isinstance(row, (list, tuple)):
            raise TypeError(f"a row must be a dict, a list or a tuple, not {type(row).__name__}")
        if len(row) != len(names):
            raise ValueError(f"a row has {len(row)} values, and the schema {len(names)} properties")
        row = dict(zip(names, row))
    try:
        return _encoder.encode(row).encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
        return _ascii_encoder.encode(row).encode()


def line_batches(lines: Iterable[bytes], max_bytes: int) -> Batches:
    """Yields batches of JSON lines."""
    target = min(_TARGET_LINES_BYTES, max_bytes)
    held: list[bytes] = []
    size = 0
    for line in lines:
        if held and size + len(line) + 1 > target:
            yield _line_batch(held), len(held)
            held = []
            size = 0
        held.append(line)
        size += len(line) + 1
    if held:
        yield _line_batch(held), len(held)


def _line_batch(lines: list[bytes]) -> records_pb2.RecordBatch:
    return records_pb2.RecordBatch(jsonl=b"\n".join(lines) + b"\n")


def record_batches(data: Any, properties: Mapping[str, Any], skip: int, max_bytes: int) -> Batches:
    """Yields the batches of `data` after its first `skip` records.

    `data` is Arrow data, a data frame, one dict, or an iterable of dicts or of rows. The batches
    are made as they are read.
    """
    if arrow.is_arrow(data):
        for part, count in arrow.row_batches(data, properties, skip, max_bytes):
            yield None if part is None else records_pb2.RecordBatch(rows=part), count
        return
    if isinstance(data, Mapping):
        data = [data]
    if isinstance(data, (str, bytes)) or not isinstance(data, Iterable):
        raise TypeError(
            "data must be Arrow data, a data frame, a dict, or an iterable of dicts or rows, not "
            f"{type(data).__name__}"
        )
    names = list(properties)
    records = iter(data)
    skipped = sum(1 for _ in itertools.islice(records, skip))
    if skipped > 0:
        yield None, skipped
    yield from line_batches((encode_record(row, names) for row in records), max_bytes)
