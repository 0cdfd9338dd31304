"""What the client makes of Arrow data: kinds and buffers, schemas, batches and refusals."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import re
from typing import Any

import pytest
from fake_server import FakeServer

import syncline
from syncline.arrow import row_batches
from syncline.arrow_types import check_schema, json_schema

pa = pytest.importorskip("pyarrow")

from arrow_cases import NAMES, SHAPES, shaped, to_pylist, wanted  # noqa: E402
from wire import read_column  # noqa: E402

ALL = 1 << 24


def encode(data: Any, skip: int = 0, max_bytes: int = ALL) -> list[Any]:
    properties = json_schema(data.schema)["properties"]
    return list(row_batches(data, properties, skip, max_bytes))


def _comparable(kind: Any, value: Any) -> Any:
    """Returns a value of to_pylist() as wire.read_column reads it."""
    value = wanted(kind, value)
    if isinstance(value, datetime.datetime):
        return (
            value.astimezone(datetime.timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        )
    if isinstance(value, datetime.timedelta):
        return value // datetime.timedelta(microseconds=1)
    if isinstance(value, str) and value[:1] in "[{" and value[:1]:
        return json.loads(value)
    return value


def _read(kind: Any, value: Any) -> Any:
    if isinstance(value, float):
        return decimal.Decimal(repr(value)) if math.isfinite(value) else None
    if pa.types.is_duration(kind) and value is not None:
        match = re.fullmatch(r"PT(-?)(\d+)(?:\.(\d+))?S", value)
        assert match
        micros = int(match[2]) * 10**6 + int((match[3] or "").ljust(6, "0"))
        return -micros if match[1] else micros
    if pa.types.is_decimal(kind) and isinstance(value, str):
        return decimal.Decimal(value)
    return value


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_type_in_every_shape(name: str, shape: str) -> None:
    column = shaped(name, shape)
    kind = column.type
    got: list[Any] = []
    for rows, count in encode(pa.table({"v": column})):
        assert rows.columns == ["v"]
        got += read_column(rows.values[0], count)
    kind = kind.value_type if hasattr(kind, "value_type") and pa.types.is_dictionary(kind) else kind
    expected = [_comparable(kind, value) for value in to_pylist(column)]
    assert [_read(kind, value) for value in got] == expected


def test_schema_of_types() -> None:
    schema = pa.schema(
        [
            ("i", pa.int8()),
            ("u", pa.uint64()),
            ("f", pa.float32()),
            ("n", pa.decimal256(50, 2)),
            ("t", pa.timestamp("ns", "UTC")),
            ("l", pa.timestamp("s")),
            ("b", pa.binary()),
            ("c", pa.dictionary(pa.int32(), pa.string())),
            ("a", pa.list_(pa.int64())),
            ("s", pa.struct([("x", pa.int64())])),
            ("nothing", pa.null()),
        ]
    )
    properties = json_schema(schema)["properties"]
    assert "nothing" not in properties
    assert properties["i"] == {"type": "integer"}
    assert properties["u"] == {"type": "integer", "maximum": 2**64 - 1}
    assert properties["f"] == properties["n"] == {"type": "number"}
    assert properties["t"]["airbyte_type"] == "timestamp_with_timezone"
    assert properties["l"]["airbyte_type"] == "timestamp_without_timezone"
    assert properties["b"]["contentEncoding"] == "base64"
    assert properties["c"] == {"type": "string"}
    assert properties["a"] == {"type": "array"}
    assert properties["s"] == {"type": "object"}


def test_unsupported_types_are_refused_by_name(fake: FakeServer) -> None:
    kind = pa.month_day_nano_interval()
    with pytest.raises(syncline.UnsupportedType, match="'odd' has the unsupported type"):
        check_schema(pa.schema([("odd", kind)]), None)
    with pytest.raises(syncline.UnsupportedType, match="'odd'"):
        check_schema(pa.schema([("odd", pa.list_(kind))]), None)
    with pytest.raises(syncline.UnsupportedType, match="occurs twice"):
        check_schema(pa.schema([("a", pa.int8()), ("a", pa.int8())]), None)
    schema = {"type": "object", "properties": {"id": {"type": "string"}}}
    table = pa.table({"id": pa.array([b"x"])})
    with syncline.connect(fake.address) as client:
        with pytest.raises(syncline.UnsupportedType, match="contentEncoding base64"):
            client.load("sync", "rows", table, schema=schema)
    assert not fake.batches


def test_batches_are_bounded_and_complete() -> None:
    texts = ["x" * (i % 50) for i in range(20_000)] + ["y" * 100_000]
    table = pa.table({"i": pa.array(range(20_001)), "t": texts})
    batches = encode(table, max_bytes=200_000)
    assert sum(count for _, count in batches) == 20_001
    assert max(rows.ByteSize() for rows, _ in batches) <= 200_000
    values = [v for rows, count in batches for v in read_column(rows.values[0], count)]
    assert values == list(range(20_001))


def test_tiny_chunks_are_joined() -> None:
    table = pa.concat_tables([pa.table({"i": [i], "t": [str(i)]}) for i in range(3000)])
    batches = encode(table)
    assert len(batches) == 1
    assert read_column(batches[0][0].values[0], 3000) == list(range(3000))


def test_small_chunks_with_nulls_in_dictionaries() -> None:
    """pyarrow cannot join them, and each chunk may have a dictionary of its own."""
    chunks = [
        pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array(words))
        for words in (["a", None], ["b", "c"], [None, "d"])
    ]
    for values in (chunks, [pa.ListArray.from_arrays([0, 3], chunk) for chunk in chunks]):
        column = pa.chunked_array(values)
        got: list[Any] = []
        for rows, count in encode(pa.table({"v": column})):
            got += read_column(rows.values[0], count)
        assert got == column.to_pylist()


@pytest.mark.parametrize("kind", ["dictionary", "run_ends"])
def test_repeated_values_are_counted_as_often_as_they_are_sent(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long text that most rows share must not make one message of gigabytes."""
    import pyarrow.compute as pc

    from syncline import arrow

    words = pa.array(["x" * 100_000, "y"])
    if kind == "dictionary":
        indices = pa.array([0] * 1000 + [1] * 1000, pa.int32())
        values = pa.DictionaryArray.from_arrays(indices, words)
    else:
        runs = pc.take(words, pa.array([0] * 1000 + [1] * 1000))
        values = pc.run_end_encode(runs)
    assert values.nbytes < 200_000
    table = pa.table({"v": values}).slice(1)
    encoded: list[int] = []
    encode_once = arrow._Encoder.encode

    def measure(self: Any, batch: Any) -> Any:
        rows = encode_once(self, batch)
        encoded.append(rows.ByteSize())
        return rows

    monkeypatch.setattr(arrow._Encoder, "encode", measure)
    batches = encode(table, max_bytes=1_000_000)
    assert sum(count for _, count in batches) == 1999
    assert max(encoded) <= 1_100_000
    lengths = [len(v) for rows, count in batches for v in read_column(rows.values[0], count)]
    assert lengths == [100_000] * 999 + [1] * 1000


def test_views_are_measured_by_their_rows() -> None:
    if not hasattr(pa, "string_view"):
        pytest.skip("pyarrow has no views")
    table = pa.table({"v": pa.array(["x" * 1000] * 20_000, pa.string_view())})
    for batch in table.to_batches(max_chunksize=1000):
        assert len(encode(pa.Table.from_batches([batch]))) <= 4


def test_a_table_without_columns_or_rows(fake: FakeServer) -> None:
    empty = pa.RecordBatch.from_struct_array(pa.array([{}] * 5, pa.struct([])))
    nothing = pa.table({"v": pa.nulls(5)})
    with syncline.connect(fake.address) as client:
        for name, table in (("a", pa.Table.from_batches([empty])), ("b", nothing)):
            assert client.load(f"sync-{name}", name, table).rows == 5
        assert client.load("sync-c", "c", pa.table({"v": pa.array([], pa.int8())})).rows == 0
    assert [(b.rows.row_count, len(b.rows.columns)) for b in fake.batches] == [(5, 0), (5, 0)]
    assert [c.expected_records for c in fake.completions] == [5, 5, 0]


def test_values_larger_than_a_batch_and_than_a_message(fake: FakeServer) -> None:
    fits = pa.table({"v": pa.array(["x" * 700_000, "y"], pa.large_string())})
    large = pa.table({"v": pa.array(["x" * 2_000_000], pa.large_string())})
    with syncline.connect(fake.address) as client:
        assert client.load("fits", "fits", fits).rows == 2
        sent = len(fake.batches)
        with pytest.raises(syncline.RecordTooLarge, match="record 0 has 2000"):
            client.load("large", "large", large)
    assert len(fake.batches) == sent


@pytest.mark.parametrize("more", range(-80, 40, 8))
def test_messages_of_just_the_largest_size(fake: FakeServer, more: int) -> None:
    """The number of a batch does not make it too large."""
    limit = int(fake.max_message_bytes * 0.9)
    table = pa.table({"v": ["x" * (limit // 2 - 24), "x" * (limit // 2 - 24 + more)]})
    with syncline.connect(fake.address) as client:
        client.load("sync", "rows", table)
        client.load("lines", "lines", table.to_pylist())
    assert max(batch.ByteSize() for batch in fake.batches) <= limit


@pytest.mark.parametrize("skip", [0, 1, 999, 1000, 1500, 2000, 3000])
def test_skips_across_chunks(skip: int) -> None:
    table = pa.concat_tables([pa.table({"i": range(1000)}), pa.table({"i": range(1000, 2000)})])
    skipped = 0
    values: list[int] = []
    for rows, count in encode(table, skip=skip):
        if rows is None:
            skipped += count
        else:
            values += read_column(rows.values[0], count)
    assert skipped == min(skip, 2000)
    assert values == list(range(min(skip, 2000), 2000))


@pytest.mark.parametrize("source", ["table", "batch", "reader", "pandas", "polars"])
def test_sources(fake: FakeServer, source: str) -> None:
    table = pa.table({"id": list(range(10)), "name": [f"n{i}" for i in range(10)]})
    data: Any = table
    schema: Any = table.schema
    if source == "batch":
        data = table.to_batches()[0]
    elif source == "reader":
        data = table.to_reader(max_chunksize=3)
    elif source == "pandas":
        data = schema = pytest.importorskip("pandas").DataFrame(table.to_pydict())
    elif source == "polars":
        data = schema = pytest.importorskip("polars").DataFrame(table.to_pydict())
    with syncline.connect(fake.address) as client:
        client.load("sync", "rows", data, schema=schema)
    sent = [
        v for batch in fake.batches for v in read_column(batch.rows.values[1], batch.rows.row_count)
    ]
    assert sent == table["name"].to_pylist()
    properties = json.loads(fake.starts[0].streams[0].json_schema)["properties"]
    assert properties == {"id": {"type": "integer"}, "name": {"type": "string"}}


def test_resume_within_a_table(fake: FakeServer) -> None:
    fake.committed[("rows", "")] = list(range(700))
    table = pa.table({"id": range(1000)})
    with syncline.connect(fake.address) as client:
        assert client.load("sync", "rows", table).rows == 1000
    assert fake.batches[0].first_offset == 700
    values = [v for b in fake.batches for v in read_column(b.rows.values[0], b.rows.row_count)]
    assert values == list(range(700, 1000))
