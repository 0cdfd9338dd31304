"""The buffers of Arrow data as typed rows.

A column's buffers are sent as they are, one copy per buffer and no loop over values. The types
without a kind of their own are converted first: dictionary, string_view, binary_view and
run-end-encoded columns to their values, float16 to float32, decimal32 and decimal64 to decimal128,
decimal256 and durations to text, and nested types to JSON text (json_text.py), which loops over
values. Any other type is refused by name before anything is sent.

Nothing here imports pyarrow before it is given something that needs it.
"""

from __future__ import annotations

import array
import struct
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from .arrow_types import check_schema, is_a, is_binary, is_nested, is_text, pyarrow, value_type
from .v1 import records_pb2

# Larger messages encode more slowly, smaller ones cost more per message.
TARGET_BATCH_BYTES = 384 * 1024
_MAX_BATCH_ROWS = 65536
_MIN_CHUNK_ROWS = 1024
# Small chunks are joined up to this size, so that the copy stays small.
_JOINED_BYTES = 16 * 1024 * 1024
# What a text costs besides its bytes.
_OFFSET_BYTES = 4


def _is_frame(data: Any, module: str) -> bool:
    """Whether `data` is a DataFrame (or polars.LazyFrame) of `module`, without importing it."""
    names = ("DataFrame", "LazyFrame")
    loaded = sys.modules.get(module)
    return loaded is not None and any(
        isinstance(data, getattr(loaded, name)) for name in names if hasattr(loaded, name)
    )


def is_arrow(data: Any) -> bool:
    """Whether `data` has an Arrow schema: Arrow data, a data frame, or an exporter of a stream."""
    if _is_frame(data, "pandas") or _is_frame(data, "polars"):
        return True
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        return True
    pa = sys.modules.get("pyarrow")
    return pa is not None and isinstance(data, (pa.Table, pa.RecordBatch, pa.RecordBatchReader))


def find_schema(data: Any) -> Any:
    """Returns the Arrow schema of `data` as it will be sent, or None if it has none."""
    pa = sys.modules.get("pyarrow")
    if pa is not None and isinstance(data, pa.Schema):
        return data
    if not is_arrow(data):
        return None
    if _is_frame(data, "pandas"):
        return pyarrow().Table.from_pandas(data, preserve_index=False).schema
    if pa is not None and isinstance(data, (pa.Table, pa.RecordBatch, pa.RecordBatchReader)):
        return data.schema
    if _is_frame(data, "polars") and not hasattr(data, "collect"):
        return data.head(0).to_arrow().schema
    raise TypeError(
        f"the schema of a {type(data).__name__} cannot be read without consuming it; "
        "pass its .schema, or collect it first"
    )


def to_reader(data: Any) -> Any:
    """Returns `data` as a pyarrow.RecordBatchReader or a pyarrow.Table."""
    pa = pyarrow()
    if isinstance(data, (pa.Table, pa.RecordBatchReader)):
        return data
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if _is_frame(data, "pandas"):
        return pa.Table.from_pandas(data, preserve_index=False)
    if _is_frame(data, "polars"):
        return (data.collect() if hasattr(data, "collect") else data).to_arrow()
    if hasattr(data, "__arrow_c_stream__"):
        if not hasattr(pa.RecordBatchReader, "from_stream"):
            raise TypeError(f"pyarrow {pa.__version__} cannot read a {type(data).__name__}")
        return pa.RecordBatchReader.from_stream(data)
    return pa.Table.from_batches([pa.record_batch(data)])


def _fixed_kinds() -> dict[Any, tuple[records_pb2.FixedType, int]]:
    """Returns the wire type and the width in bytes of the Arrow types of a fixed width."""
    pa = pyarrow()
    return {
        pa.int8(): (records_pb2.FIXED_TYPE_INT8, 1),
        pa.int16(): (records_pb2.FIXED_TYPE_INT16, 2),
        pa.int32(): (records_pb2.FIXED_TYPE_INT32, 4),
        pa.int64(): (records_pb2.FIXED_TYPE_INT64, 8),
        pa.uint8(): (records_pb2.FIXED_TYPE_UINT8, 1),
        pa.uint16(): (records_pb2.FIXED_TYPE_UINT16, 2),
        pa.uint32(): (records_pb2.FIXED_TYPE_UINT32, 4),
        pa.uint64(): (records_pb2.FIXED_TYPE_UINT64, 8),
        pa.float32(): (records_pb2.FIXED_TYPE_FLOAT32, 4),
        pa.float64(): (records_pb2.FIXED_TYPE_FLOAT64, 8),
        pa.date32(): (records_pb2.FIXED_TYPE_DATE_DAYS32, 4),
        pa.date64(): (records_pb2.FIXED_TYPE_DATE_MS64, 8),
        pa.time32("s"): (records_pb2.FIXED_TYPE_TIME_S32, 4),
        pa.time32("ms"): (records_pb2.FIXED_TYPE_TIME_MS32, 4),
        pa.time64("us"): (records_pb2.FIXED_TYPE_TIME_US64, 8),
        pa.time64("ns"): (records_pb2.FIXED_TYPE_TIME_NS64, 8),
    }


_TIMESTAMPS = {
    "s": records_pb2.FIXED_TYPE_TIMESTAMP_S,
    "ms": records_pb2.FIXED_TYPE_TIMESTAMP_MS,
    "us": records_pb2.FIXED_TYPE_TIMESTAMP_US,
    "ns": records_pb2.FIXED_TYPE_TIMESTAMP_NS,
}


class _Encoder:
    """Turns record batches of one schema into typed rows."""

    def __init__(self, schema: Any) -> None:
        types = pyarrow().types
        self._fixed = _fixed_kinds()
        self._columns = [
            (index, field.name)
            for index, field in enumerate(schema)
            if not types.is_null(field.type)
        ]
        # Whether a value may be stored once for many rows.
        self.shares_values = any(
            types.is_dictionary(kind) or is_a(kind, "is_run_end_encoded") for kind in schema.types
        )

    def encode(self, batch: Any) -> records_pb2.RowBatch:
        rows = records_pb2.RowBatch(row_count=batch.num_rows)
        for index, name in self._columns:
            rows.columns.append(name)
            self._encode_column(plain_values(batch.column(index)), rows.values.add())
        return rows

    def _encode_column(self, values: Any, out: records_pb2.ColumnValues) -> None:
        pa = pyarrow()
        kind = values.type
        if is_nested(kind) or pa.types.is_duration(kind):
            from .json_text import duration_texts, json_texts

            nested = is_nested(kind)
            texts = json_texts(values) if nested else duration_texts(values)
            values = pa.array(texts, pa.large_string())
            _set_texts(values, out.json if nested else out.utf8)
        elif pa.types.is_boolean(kind):
            out.bits.bits, out.bits.bit_offset = _bits(values, values.buffers()[1])
        elif is_text(kind):
            _set_texts(values, out.utf8)
        elif is_binary(kind):
            _set_texts(values, out.binary)
        elif pa.types.is_decimal256(kind):
            values = values.cast(pa.string())
            _set_texts(values, out.utf8)
        else:
            self._set_fixed(values, out.fixed)
        if values.null_count:
            out.validity.bits, out.validity.bit_offset = _bits(values, values.buffers()[0])

    def _set_fixed(self, values: Any, out: records_pb2.FixedValues) -> None:
        kind = values.type
        types = pyarrow().types
        if types.is_decimal128(kind):
            wire_type, width = records_pb2.FIXED_TYPE_DECIMAL128, 16
            out.scale = kind.scale
        elif types.is_timestamp(kind):
            wire_type, width = _TIMESTAMPS[kind.unit], 8
        else:
            wire_type, width = self._fixed[kind]
        out.type = wire_type
        out.data = _bytes(values.buffers()[1], values.offset * width, len(values) * width)


def _bytes(buffer: Any, start: int, size: int) -> bytes:
    if size == 0 or buffer is None:
        return bytes(size)
    data: bytes = buffer.slice(start, size).to_pybytes()
    return data


def _bits(values: Any, buffer: Any) -> tuple[bytes, int]:
    """Returns the bits of a bitmap that belong to `values`, and the offset of the first one."""
    offset = values.offset % 8
    return _bytes(buffer, values.offset // 8, (offset + len(values) + 7) // 8), offset


def _set_texts(values: Any, out: records_pb2.BufferTexts) -> None:
    types = pyarrow().types
    wide = types.is_large_string(values.type) or types.is_large_binary(values.type)
    width, code = (8, "<q") if wide else (4, "<i")
    out.wide = wide
    if len(values) == 0:
        return
    _, offsets, data = values.buffers()
    out.offsets = _bytes(offsets, values.offset * width, (len(values) + 1) * width)
    first = struct.unpack_from(code, out.offsets)[0]
    last = struct.unpack_from(code, out.offsets, len(values) * width)[0]
    out.data = _bytes(data, first, last - first)


def plain_values(values: Any) -> Any:
    """Returns an array with values of a type that has a kind or that is nested."""
    pa = pyarrow()
    if pa.types.is_dictionary(values.type):
        return plain_values(values.dictionary_decode())
    if is_a(values.type, "is_run_end_encoded"):
        return plain_values(pa.compute.run_end_decode(values))
    if pa.types.is_float16(values.type):
        return _widen(values)
    if pa.types.is_fixed_size_binary(values.type):
        return _with_offsets(values)
    kind = value_type(values.type)
    return values if kind == values.type else values.cast(kind)


def _widen(values: Any) -> Any:
    """Returns float16 values as float32. Older versions of pyarrow crash in this cast."""
    pa = pyarrow()
    validity, data = values.buffers()
    count = values.offset + len(values)
    halves = struct.unpack(f"<{count}e", _bytes(data, 0, count * 2))
    widened = pa.py_buffer(struct.pack(f"<{count}f", *halves))
    return pa.Array.from_buffers(
        pa.float32(), len(values), [validity, widened], offset=values.offset
    )


def _with_offsets(values: Any) -> Any:
    """Returns fixed-size binary values as large_binary. pyarrow 14 crashes in casts of slices."""
    pa = pyarrow()
    validity, data = values.buffers()
    width = values.type.byte_width
    end = (values.offset + len(values)) * width
    offsets = pa.py_buffer(array.array("q", range(0, end + 1, width)).tobytes())
    return pa.Array.from_buffers(
        pa.large_binary(), len(values), [validity, offsets, data], offset=values.offset
    )


def row_batches(
    data: Any, properties: Mapping[str, Any], skip: int, max_bytes: int
) -> Iterator[tuple[records_pb2.RowBatch | None, int]]:
    """Yields (typed rows, number of records) for the records of `data` after the first `skip`.

    Skipped records are yielded as (None, number). No message is larger than `max_bytes`, unless a
    single record is. Raises UnsupportedType before the first one for a column that cannot be sent.
    """
    pa = pyarrow()
    source = to_reader(data)
    check_schema(source.schema, properties)
    encoder = _Encoder(source.schema)
    for chunk in _table_batches(source) if isinstance(source, pa.Table) else source:
        skipped = min(skip, chunk.num_rows)
        if skipped > 0:
            yield None, skipped
            skip -= skipped
        yield from _split(_without_views(chunk.slice(skipped)), encoder, max_bytes)


def _table_batches(table: Any) -> Iterator[Any]:
    """Yields the batches of a table. Chunks that would make tiny messages are joined by a copy."""
    batches = table.to_batches()
    if len(batches) <= 1 or table.num_rows >= len(batches) * _MIN_CHUNK_ROWS:
        yield from batches
        return
    held: list[Any] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= _MAX_BATCH_ROWS or size >= _JOINED_BYTES:
            yield from _join(held)
            held = []
            rows = size = 0
    yield from _join(held)


def _join(batches: list[Any]) -> list[Any]:
    pa = pyarrow()
    if len(batches) <= 1:
        return batches
    try:
        joined: list[Any] = pa.Table.from_batches(batches).combine_chunks().to_batches()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return batches  # pyarrow cannot join some dictionaries, such as those with a null
    return joined


def _without_views(chunk: Any) -> Any:
    """Returns a batch whose size is that of its rows: views share the buffers of other rows."""
    columns = list(chunk.columns)
    for index, field in enumerate(chunk.schema):
        if is_a(field.type, "is_string_view") or is_a(field.type, "is_binary_view"):
            columns[index] = plain_values(columns[index])
    if all(new is old for new, old in zip(columns, chunk.columns)):
        return chunk
    return pyarrow().RecordBatch.from_arrays(columns, names=chunk.schema.names)


def _shared_bytes(chunk: Any) -> tuple[int, int]:
    """Returns the bytes of the columns that store a value once for many rows, and those they have
    when each row has its value.
    """
    pa = pyarrow()
    stored = sent = 0
    for index, field in enumerate(chunk.schema):
        if pa.types.is_dictionary(field.type):
            values = chunk.column(index)
            lengths = _lengths(values.dictionary).take(values.indices)
        elif is_a(field.type, "is_run_end_encoded"):
            values = chunk.column(index)
            lengths = pa.compute.multiply(_lengths(values.values), _run_lengths(values))
        else:
            continue
        stored += values.nbytes
        sent += pa.compute.sum(lengths).as_py() or 0
    return stored, sent


def _run_lengths(values: Any) -> Any:
    """Returns how many of the values each run has; 0 for runs outside of a slice."""
    pc = pyarrow().compute
    first, last = values.offset, values.offset + len(values)
    ends = values.run_ends.cast("int64")
    ends = pc.max_element_wise(pc.min_element_wise(ends, last), first)
    begin = pyarrow().array([first], "int64")
    begins = pyarrow().concat_arrays([begin, ends.slice(0, max(0, len(ends) - 1))])
    begins = begins.slice(0, len(ends))
    return pc.subtract(ends, begins)


def _lengths(words: Any) -> Any:
    """Returns about how many bytes each value has, as an array."""
    pa = pyarrow()
    if is_text(words.type) or is_binary(words.type):
        return pa.compute.add(pa.compute.binary_length(words).cast(pa.int64()), _OFFSET_BYTES)
    average = max(1, words.nbytes // max(1, len(words)))
    return pa.array([average] * len(words), pa.int64())


def _split(chunk: Any, encoder: _Encoder, max_bytes: int) -> Iterator[tuple[Any, int]]:
    if chunk.num_rows == 0:
        return
    stored, sent = _shared_bytes(chunk)
    row_bytes = max((chunk.nbytes - stored + sent) / chunk.num_rows, 1.0)
    step = max(1, min(_MAX_BATCH_ROWS, int(min(TARGET_BATCH_BYTES, max_bytes) / row_bytes)))
    for start in range(0, chunk.num_rows, step):
        yield from _fitting(chunk.slice(start, step), encoder, max_bytes)


def _fitting(part: Any, encoder: _Encoder, max_bytes: int) -> Iterator[tuple[Any, int]]:
    """Yields `part`, in halves if its values are larger than the average."""
    may_encode = (
        part.num_rows == 1 or not encoder.shares_values or _shared_bytes(part)[1] <= max_bytes
    )
    rows = encoder.encode(part) if may_encode else None
    if rows is None or (part.num_rows > 1 and rows.ByteSize() > max_bytes):
        half = part.num_rows // 2
        yield from _fitting(part.slice(0, half), encoder, max_bytes)
        yield from _fitting(part.slice(half), encoder, max_bytes)
    else:
        yield rows, part.num_rows
