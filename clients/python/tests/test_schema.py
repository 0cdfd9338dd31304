"""Schemas from samples, and JSON lines from rows."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid
from typing import Any

import pytest

from syncline.batches import encode_record, line_batches
from syncline.schema import infer_schema

UTC = datetime.timezone.utc


@pytest.mark.parametrize(
    ("values", "schema"),
    [
        ([True], {"type": "boolean"}),
        ([1, None], {"type": "integer"}),
        ([1, 2**63], {"type": "integer", "airbyte_type": "big_integer"}),
        ([1, 2.5], {"type": "number"}),
        ([decimal.Decimal("1.5")], {"type": "number"}),
        (["a", None], {"type": "string"}),
        ([uuid.UUID(int=1)], {"type": "string"}),
        ([b"a"], {"type": "string", "contentEncoding": "base64"}),
        ([datetime.date(2024, 1, 1)], {"type": "string", "format": "date"}),
        ([{"a": 1}], {"type": "object"}),
        ([[1]], {"type": "array"}),
        ([None], {}),
        ([1, "a"], {"airbyte_type": "unknown"}),
        ([datetime.date(2024, 1, 1), "a"], {"type": "string"}),
    ],
)
def test_type_of_values(values: list[Any], schema: dict[str, Any]) -> None:
    assert infer_schema([{"v": value} for value in values])["properties"]["v"] == schema


def test_times_say_whether_they_have_a_zone() -> None:
    row = {
        "a": datetime.datetime(2024, 1, 1, tzinfo=UTC),
        "b": datetime.datetime(2024, 1, 1),
        "c": datetime.time(1, tzinfo=UTC),
    }
    properties = infer_schema([row])["properties"]
    assert [p["airbyte_type"] for p in properties.values()] == [
        "timestamp_with_timezone",
        "timestamp_without_timezone",
        "time_with_timezone",
    ]


def test_a_json_schema_is_taken_as_it_is() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert infer_schema(schema) == schema


@pytest.mark.parametrize("source", [[], [1], 5, [{}]])
def test_what_has_no_schema_is_refused(source: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        infer_schema(source)


def test_values_that_json_lacks() -> None:
    row = {
        "d": decimal.Decimal("12345678901234567890.000000000001"),
        "t": datetime.datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        "b": b"\x00\xff",
        "u": uuid.UUID(int=1),
        "i": datetime.timedelta(days=-1, microseconds=1),
        "n": 12345678901234567890123,
    }
    assert json.loads(encode_record(row, [])) == {
        "d": "12345678901234567890.000000000001",
        "t": "2024-01-02T03:04:05.000006+00:00",
        "b": "AP8=",
        "u": "00000000-0000-0000-0000-000000000001",
        "i": "PT-86399.999999S",
        "n": 12345678901234567890123,
    }


def test_values_of_numpy_and_pandas() -> None:
    np = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    row = {
        "i": np.int64(5),
        "f": np.float32(0.5),
        "b": np.bool_(True),
        "t": np.datetime64("2024-01-02T03:04:05.123456789", "ns"),
        "l": np.array([1, 2]),
        "na": pandas.NA,
        "nat": pandas.NaT,
        "none": np.datetime64("NaT"),
    }
    assert infer_schema([row])["properties"] == {
        "i": {"type": "integer"},
        "f": {"type": "number"},
        "b": {"type": "boolean"},
        "t": {
            "type": "string",
            "format": "date-time",
            "airbyte_type": "timestamp_without_timezone",
        },
        "l": {"type": "array"},
        "na": {},
        "nat": {},
        "none": {},
    }
    assert json.loads(encode_record(row, [])) == {
        "i": 5,
        "f": 0.5,
        "b": True,
        "t": "2024-01-02T03:04:05.123456",
        "l": [1, 2],
        "na": None,
        "nat": None,
        "none": None,
    }


def test_a_lone_surrogate_does_not_stop_a_load() -> None:
    assert encode_record({"a": "\ud800é"}, []) == b'{"a":"\\ud800\\u00e9"}'


def test_rows_follow_the_schema() -> None:
    assert json.loads(encode_record((1, "x"), ["id", "name"])) == {"id": 1, "name": "x"}
    with pytest.raises(ValueError, match="2 values, and the schema 1 properties"):
        encode_record((1, 2), ["id"])
    with pytest.raises(TypeError, match="not str"):
        encode_record("text", ["id"])


def test_lines_are_collected_into_batches() -> None:
    lines = [b"x" * 100] * 1000
    batches = list(line_batches(iter(lines), 5000))
    assert sum(count for _, count in batches) == 1000
    assert all(len(batch.jsonl) <= 5000 for batch, _ in batches if batch is not None)
    assert b"".join(b.jsonl for b, _ in batches if b is not None) == b"".join(
        line + b"\n" for line in lines
    )
