"""A value of each Arrow type, in five shapes, and what psycopg inserts for it."""

from __future__ import annotations

import datetime
import decimal
import json
import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

D = decimal.Decimal
UTC = datetime.timezone.utc
MOMENT = 1_700_000_000_123_456_789  # nanoseconds
WORDS = ["a", "", "é\n", 'quote " and \\', "東京", "x" * 300, "z", "1"]
BYTES = [b"a", b"", b"\x00\xff", b"abc", b"\n", b"x" * 300, b"z", b"\\"]
SHAPES = ["no_nulls", "nulls", "slice", "empty", "chunks"]


def _stamps(unit: str, tz: str | None) -> tuple[pa.DataType, list[int]]:
    scale = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}[unit]
    numbers = [MOMENT // scale + i for i in range(6)] + [-1, -(10**9) // scale]
    return pa.timestamp(unit, tz), numbers


def _cases() -> dict[str, tuple[Any, list[Any]]]:
    """Returns the type and eight values by name. Values are what pa.array takes."""
    cases: dict[str, tuple[Any, list[Any]]] = {
        "bool": (pa.bool_(), [True, False, True, True, False, False, True, False]),
        "float16": (pa.float16(), []),
        "float32": (pa.float32(), [0.5, -1.25, 0.1, 1e30, -0.0, math.nan, 3.0, math.inf]),
        "float64": (pa.float64(), [0.5, -1.25, 0.1, 1e300, -0.0, math.nan, 3.0, -math.inf]),
        "decimal128": (
            pa.decimal128(12, 2),
            [D("1.25"), D("-0.01"), D("0.00"), D("9999999999.99")] * 2,
        ),
        "decimal128_38": (pa.decimal128(38, 10), [D(f"{10**37 + i}E-10") for i in range(8)]),
        "decimal128_negative_scale": (
            pa.decimal128(5, -3),
            [D("12E+3"), D("-1E+3"), D(0), D("99999E+3")] * 2,
        ),
        "decimal256": (pa.decimal256(60, 5), [D(f"{10**50 + i}E-5") for i in range(8)]),
        "date32": (pa.date32(), [datetime.date(2024, 2, 29), datetime.date(1, 1, 1)] * 4),
        "date64": (pa.date64(), [datetime.date(2024, 2, 29), datetime.date(1969, 12, 31)] * 4),
        "time32_s": (pa.time32("s"), [0, 1, 86399, 3600, 60, 59, 43200, 7]),
        "time32_ms": (pa.time32("ms"), [0, 1, 86399999, 3600, 60, 59, 43200, 7]),
        "time64_us": (pa.time64("us"), [0, 1, 86399999999, 3600, 60, 59, 43200, 7]),
        "time64_ns": (pa.time64("ns"), [0, 1999, 86399999999999, 3600, 60, 59, 43200, 7000]),
        "duration_s": (pa.duration("s"), [0, 1, -1, 86400, 10**6, 5, 6, 7]),
        "duration_us": (pa.duration("us"), [0, 1, -1, 1500000, 10**12, 5, 6, 7]),
        "string": (pa.string(), WORDS),
        "large_string": (pa.large_string(), WORDS),
        "binary": (pa.binary(), BYTES),
        "large_binary": (pa.large_binary(), BYTES),
        "fixed_size_binary": (pa.binary(2), [b"ab", b"\x00\xff"] * 4),
        "dictionary": (pa.dictionary(pa.int8(), pa.string()), ["red", "blue", "red", ""] * 2),
        "list": (pa.list_(pa.int64()), [[1, 2], [], [None], [2**62]] * 2),
        "large_list": (pa.large_list(pa.string()), [["a"], [], [None], ["é", '"']] * 2),
        "fixed_size_list": (pa.list_(pa.int32(), 2), [[1, 2], [3, None]] * 4),
        "struct": (
            pa.struct([("a", pa.int64()), ("b", pa.string())]),
            [{"a": 1, "b": "x"}, {"a": None, "b": 'q"'}] * 4,
        ),
        "map": (
            pa.map_(pa.string(), pa.int64()),
            [[("a", 1)], [], [("b", None), ("c", 3)]] * 2 + [[("d", 4)]] * 2,
        ),
        "nested": (
            pa.struct([("l", pa.list_(pa.struct([("x", pa.float64())])))]),
            [{"l": [{"x": 0.5}, {"x": None}]}, {"l": None}, {"l": []}, {"l": [{"x": math.nan}]}]
            * 2,
        ),
        "nested_times": (
            pa.struct(
                [("t", pa.timestamp("us", "UTC")), ("d", pa.date32()), ("n", pa.decimal128(9, 2))]
            ),
            [{"t": 1_500_000, "d": datetime.date(2024, 1, 2), "n": D("1.50")}] * 8,
        ),
    }
    for bits in (8, 16, 32, 64):
        for sign in ("int", "uint"):
            low = -(2 ** (bits - 1)) if sign == "int" else 0
            high = low + 2**bits - 1
            kind = getattr(pa, f"{sign}{bits}")()
            cases[f"{sign}{bits}"] = (kind, [low, high, 0, 1, 2, 3, 4, 5])
    for unit in ("s", "ms", "us", "ns"):
        cases[f"timestamp_{unit}"] = _stamps(unit, None)
        cases[f"timestamp_{unit}_utc"] = _stamps(unit, "UTC")
    cases["timestamp_us_tokyo"] = _stamps("us", "Asia/Tokyo")
    return cases


CASES = _cases()


def _plain(name: str) -> Any:
    """Returns the eight values of a case as an array."""
    kind, values = CASES[name]
    if name == "float16":
        import numpy as np

        return pa.array(np.array([0.5, -1.25, 0, 4, 5, 6, 7, 8], dtype=np.float16))
    if name == "dictionary":
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, kind)


def newer_cases() -> dict[str, Any]:
    """Arrays of types that only newer versions of pyarrow have."""
    cases: dict[str, Any] = {}
    words = pa.array([None, *WORDS[1:]])
    if hasattr(pa, "string_view"):
        cases["string_view"] = words.cast(pa.string_view())
    if hasattr(pa, "binary_view"):
        cases["binary_view"] = pa.array([*BYTES[:-1], None]).cast(pa.binary_view())
    if hasattr(pa, "decimal32"):
        numbers = [D("1.25"), None, D("-0.01"), D("0.00")] * 2
        cases["decimal32"] = pa.array(numbers, pa.decimal32(5, 2))
        cases["decimal64"] = pa.array(numbers, pa.decimal64(12, 2))
    runs = ["a", "a", None, None, None, "b", "b", "b"]
    cases["run_end_encoded"] = pc.run_end_encode(pa.array(runs))
    return cases


NAMES = [*CASES, *newer_cases()]


def shaped(name: str, shape: str) -> Any:
    """Returns the values of a case in one shape, as a chunked array."""
    newer = newer_cases()
    values = newer[name] if name in newer else _plain(name)
    if shape == "nulls" and name in CASES:
        values = values.take(pa.array([0, None, 2, 3, None, 5, 6, 7], pa.int64()))
    if shape == "slice":
        values = values.slice(3, 4)
    if shape == "empty":
        values = values.slice(0, 0)
    if shape == "chunks":
        return pa.chunked_array([values.slice(0, 3), values.slice(3, 0), values.slice(3)])
    return pa.chunked_array([values])


def wanted(kind: Any, value: Any) -> Any:
    """Returns what psycopg inserts for a value of to_pylist()."""
    if isinstance(value, float):
        # PostgreSQL's own cast to numeric would keep 15 digits only.
        return D(repr(value)) if math.isfinite(value) else None
    if isinstance(value, (list, dict)):
        return json.dumps(_jsonable(kind, value))
    return value


def _jsonable(kind: Any, value: Any) -> Any:
    if pa.types.is_map(kind) and value is not None:
        return {key: _jsonable(kind.item_type, item) for key, item in value}
    if isinstance(value, list):
        return [_jsonable(kind.value_type, item) for item in value]
    if isinstance(value, dict):
        return {name: _jsonable(kind.field(name).type, item) for name, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime.datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, D):
        return json.loads(format(value, "f"))
    return value


def to_pylist(column: Any) -> list[Any]:
    """Returns the values as Python has them, with times cut to microseconds as the server does."""
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        numbers = column.cast(pa.int64()).to_pylist()
        cut = [None if number is None else number // 1000 for number in numbers]
        return pa.array(cut, pa.timestamp("us", kind.tz)).to_pylist()
    if pa.types.is_time(kind) and kind.unit == "ns":
        numbers = column.cast(pa.int64()).to_pylist()
        cut = [None if number is None else number // 1000 for number in numbers]
        return pa.array(cut, pa.time64("us")).to_pylist()
    values: list[Any] = column.to_pylist()
    return values
