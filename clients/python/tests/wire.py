"""Reads typed rows as the server does, value by value, to check what the client encodes."""

from __future__ import annotations

import datetime
import decimal
import json
import struct
from typing import Any

from syncline.v1 import records_pb2

R = records_pb2
_CODES = {
    R.FIXED_TYPE_INT8: "b",
    R.FIXED_TYPE_INT16: "h",
    R.FIXED_TYPE_INT32: "i",
    R.FIXED_TYPE_INT64: "q",
    R.FIXED_TYPE_UINT8: "B",
    R.FIXED_TYPE_UINT16: "H",
    R.FIXED_TYPE_UINT32: "I",
    R.FIXED_TYPE_UINT64: "Q",
    R.FIXED_TYPE_FLOAT32: "f",
    R.FIXED_TYPE_FLOAT64: "d",
    R.FIXED_TYPE_DATE_DAYS32: "i",
    R.FIXED_TYPE_DATE_MS64: "q",
    R.FIXED_TYPE_TIME_S32: "i",
    R.FIXED_TYPE_TIME_MS32: "i",
    R.FIXED_TYPE_TIME_US64: "q",
    R.FIXED_TYPE_TIME_NS64: "q",
    R.FIXED_TYPE_TIMESTAMP_S: "q",
    R.FIXED_TYPE_TIMESTAMP_MS: "q",
    R.FIXED_TYPE_TIMESTAMP_US: "q",
    R.FIXED_TYPE_TIMESTAMP_NS: "q",
}
_EPOCH = datetime.datetime(1970, 1, 1)
_MICROS = {"S": 10**6, "MS": 1000, "US": 1}


def _bits(bits: bytes, offset: int, count: int) -> list[bool]:
    assert 0 <= offset <= 7
    assert len(bits) == (offset + count + 7) // 8
    return [bool(bits[i // 8] >> (i % 8) & 1) for i in range(offset, offset + count)]


def _texts(texts: R.BufferTexts, count: int) -> list[bytes]:
    if count == 0 and not texts.offsets:
        assert not texts.data
        return []
    offsets = struct.unpack(f"<{count + 1}{'q' if texts.wide else 'i'}", texts.offsets)
    assert offsets[-1] - offsets[0] == len(texts.data)
    return [texts.data[a - offsets[0] : b - offsets[0]] for a, b in zip(offsets, offsets[1:])]


def _micros(name: str, number: int) -> int:
    unit = name.rstrip("0123456789").rsplit("_", 1)[1]
    return number // 1000 if unit == "NS" else number * _MICROS[unit]


def _fixed(fixed: R.FixedValues, count: int) -> list[Any]:
    if fixed.type == R.FIXED_TYPE_DECIMAL128:
        assert len(fixed.data) == 16 * count
        numbers = [
            int.from_bytes(fixed.data[i * 16 : i * 16 + 16], "little", signed=True)
            for i in range(count)
        ]
        context = decimal.Context(prec=50)
        return [decimal.Decimal(number).scaleb(-fixed.scale, context) for number in numbers]
    assert fixed.scale == 0
    values: list[Any] = list(struct.unpack(f"<{count}{_CODES[fixed.type]}", fixed.data))
    name = R.FixedType.Name(fixed.type)
    if name == "FIXED_TYPE_DATE_DAYS32":
        return [(_EPOCH + datetime.timedelta(days=n)).date() for n in values]
    if name == "FIXED_TYPE_DATE_MS64":
        return [(_EPOCH + datetime.timedelta(milliseconds=n)).date() for n in values]
    if "TIME" in name:
        moments = [_EPOCH + datetime.timedelta(microseconds=_micros(name, n)) for n in values]
        return moments if "TIMESTAMP" in name else [moment.time() for moment in moments]
    return values


def read_column(column: R.ColumnValues, count: int) -> list[Any]:
    """Returns the values of one column."""
    kind = column.WhichOneof("values")
    if kind == "fixed":
        values = _fixed(column.fixed, count)
    elif kind == "bits":
        values = list(_bits(column.bits.bits, column.bits.bit_offset, count))
    elif kind == "binary":
        values = list(_texts(column.binary, count))
    elif kind == "json":
        values = [json.loads(text) if text else None for text in _texts(column.json, count)]
    else:
        assert kind == "utf8"
        values = [text.decode() for text in _texts(column.utf8, count)]
    assert not column.nulls
    if column.HasField("validity"):
        valid = _bits(column.validity.bits, column.validity.bit_offset, count)
        return [value if here else None for value, here in zip(values, valid)]
    return values
