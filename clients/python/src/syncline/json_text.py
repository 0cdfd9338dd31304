"""JSON text of nested Arrow values, and ISO text of durations.

Both loop over values in Python, which costs about a microsecond per value. Integers and decimals
keep all digits, timestamps are ISO 8601, bytes are base64, and NaN and infinities are null.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any, Callable, Optional

from . import arrow
from .arrow_types import is_nested, pyarrow

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

Texts = list[Optional[str]]


def _duration(number: int, unit: str) -> str:
    """Returns an ISO 8601 duration, which PostgreSQL reads as an interval."""
    seconds, rest = divmod(abs(number), _PER_SECOND[unit])
    digits = len(str(_PER_SECOND[unit])) - 1
    fraction = f".{rest:0{digits}d}".rstrip("0") if rest else ""
    return f"PT{'-' if number < 0 else ''}{seconds}{fraction}S"


def duration_texts(values: Any) -> Texts:
    """Returns the ISO text of each duration."""
    unit = values.type.unit
    numbers = values.cast(pyarrow().int64()).to_pylist()
    return [None if number is None else _duration(number, unit) for number in numbers]


def json_texts(values: Any) -> Texts:
    """Returns the JSON text of each value; None for nulls."""
    types = pyarrow().types
    values = arrow.plain_values(values)
    kind = values.type
    if types.is_struct(kind):
        return _struct_texts(values)
    if types.is_map(kind):
        return _map_texts(values)
    if types.is_fixed_size_list(kind):
        return _fixed_list_texts(values)
    if is_nested(kind):
        return _list_texts(values)
    return _leaf_texts(values)


def _or_null(texts: Texts) -> list[str]:
    return ["null" if text is None else text for text in texts]


def _struct_texts(values: Any) -> Texts:
    kind = values.type
    names = [json.dumps(kind.field(i).name, ensure_ascii=False) for i in range(kind.num_fields)]
    children = [_or_null(json_texts(values.field(i))) for i in range(kind.num_fields)]
    if not children:
        return ["{}" if valid else None for valid in values.is_valid().to_pylist()]
    return [
        "{" + ",".join(f"{name}:{text}" for name, text in zip(names, row)) + "}" if valid else None
        for valid, row in zip(values.is_valid().to_pylist(), zip(*children))
    ]


def _list_texts(values: Any) -> Texts:
    offsets = values.offsets.to_pylist()
    if len(values) == 0:
        return []
    first = offsets[0]
    items = _or_null(json_texts(values.values.slice(first, offsets[-1] - first)))
    return [
        "[" + ",".join(items[begin - first : end - first]) + "]" if valid else None
        for valid, begin, end in zip(values.is_valid().to_pylist(), offsets, offsets[1:])
    ]


def _fixed_list_texts(values: Any) -> Texts:
    size = values.type.list_size
    children = values.values.slice(values.offset * size, len(values) * size)
    items = _or_null(json_texts(children))
    return [
        "[" + ",".join(items[row * size : (row + 1) * size]) + "]" if valid else None
        for row, valid in enumerate(values.is_valid().to_pylist())
    ]


def _map_texts(values: Any) -> Texts:
    if len(values) == 0:
        return []
    offsets = values.offsets.to_pylist()
    first = offsets[0]
    count = offsets[-1] - first
    # A key is a string in JSON. Keys of other types are the text of their value.
    keys = [
        key if key.startswith('"') else json.dumps(key)
        for key in _or_null(json_texts(values.keys.slice(first, count)))
    ]
    items = _or_null(json_texts(values.items.slice(first, count)))
    pairs = [f"{key}:{item}" for key, item in zip(keys, items)]
    return [
        "{" + ",".join(pairs[begin - first : end - first]) + "}" if valid else None
        for valid, begin, end in zip(values.is_valid().to_pylist(), offsets, offsets[1:])
    ]


def _leaf_texts(values: Any) -> Texts:
    pa = pyarrow()
    types = pa.types
    kind = values.type
    if types.is_null(kind):
        return [None] * len(values)
    if types.is_duration(kind):
        return [None if text is None else f'"{text}"' for text in duration_texts(values)]
    if types.is_timestamp(kind):
        # Without the zone, the digits are those of UTC.
        end = "Z" if kind.tz is not None else ""
        local = values.cast(pa.int64()).cast(pa.timestamp(kind.unit)).cast(pa.string())
        return _map(local, lambda text: f'"{text.replace(" ", "T", 1)}{end}"')
    if types.is_date(kind) or types.is_time(kind):
        return _map(
            values.cast(pa.string()), lambda text: f'"{text[:10] if types.is_date(kind) else text}"'
        )
    if types.is_boolean(kind):
        return _map(values, lambda flag: "true" if flag else "false")
    if types.is_floating(kind):
        return _map(values, lambda number: repr(number) if math.isfinite(number) else "null")
    if types.is_decimal(kind):
        return _map(values, lambda number: format(number, "f"))
    if types.is_integer(kind):
        return _map(values, str)
    if types.is_string(kind) or types.is_large_string(kind):
        return _map(values, lambda text: json.dumps(text, ensure_ascii=False))
    return _map(values, lambda data: f'"{base64.b64encode(data).decode()}"')


def _map(values: Any, text_of: Callable[[Any], str]) -> Texts:
    return [None if value is None else text_of(value) for value in values.to_pylist()]
