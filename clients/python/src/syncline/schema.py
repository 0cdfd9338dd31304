"""JSON Schemas of records: given, inferred from rows, or derived from an Arrow schema."""

from __future__ import annotations

import datetime
import decimal
import itertools
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from . import arrow
from .arrow_types import json_schema
from .numpy_values import from_numpy, is_missing, is_numpy

_SAMPLE_ROWS = 1000
_MAX_INT64 = 2**63 - 1


def infer_schema(source: Any) -> dict[str, Any]:
    """Returns the JSON Schema of `source`.

    `source` is a JSON Schema, an Arrow schema or data with one, a data frame, or dicts, of which
    the first 1,000 count.

    >>> infer_schema([{"id": 1, "name": "a"}, {"id": 2, "name": None, "at": None}])["properties"]
    {'id': {'type': 'integer'}, 'name': {'type': 'string'}, 'at': {}}
    """
    if isinstance(source, Mapping) and ("properties" in source or source.get("type") == "object"):
        return dict(source)
    arrow_schema = arrow.find_schema(source)
    if arrow_schema is not None:
        return json_schema(arrow_schema)
    if isinstance(source, Mapping):
        source = [source]
    if not isinstance(source, (list, tuple)):
        raise TypeError(
            "schema must be a JSON Schema, an Arrow schema, table or reader, a data frame, or a "
            f"list of dicts, not {type(source).__name__}"
        )
    return _from_rows(itertools.islice(source, _SAMPLE_ROWS))


def _from_rows(rows: Iterable[Any]) -> dict[str, Any]:
    properties: dict[str, dict[str, Any]] = {}
    for row in rows:
        if not isinstance(row, Mapping):
            raise TypeError(f"a sample consists of dicts, not of {type(row).__name__}")
        for name, value in row.items():
            known = properties.setdefault(str(name), {})
            if value is not None and not is_missing(value):
                found = _from_value(value)
                properties[str(name)] = found if not known else _merge(known, found)
    if not properties:
        raise ValueError("the sample has no fields; give a JSON Schema")
    return {"type": "object", "properties": properties}


def _from_value(value: Any) -> dict[str, Any]:
    """Returns the schema of one value, or a schema without a type, which is JSON."""
    if is_numpy(value):
        return _from_value(from_numpy(value))
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        fits = -_MAX_INT64 - 1 <= value <= _MAX_INT64
        return {"type": "integer"} if fits else {"type": "integer", "airbyte_type": "big_integer"}
    if isinstance(value, (float, decimal.Decimal)):
        return {"type": "number"}
    if isinstance(value, (str, uuid.UUID)):
        return {"type": "string"}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {"type": "string", "contentEncoding": "base64"}
    if isinstance(value, datetime.datetime):
        zone = "with" if value.tzinfo is not None else "without"
        return {
            "type": "string",
            "format": "date-time",
            "airbyte_type": f"timestamp_{zone}_timezone",
        }
    if isinstance(value, datetime.date):
        return {"type": "string", "format": "date"}
    if isinstance(value, datetime.time):
        zone = "with" if value.tzinfo is not None else "without"
        return {"type": "string", "format": "time", "airbyte_type": f"time_{zone}_timezone"}
    if isinstance(value, Mapping):
        return {"type": "object"}
    if isinstance(value, (list, tuple)):
        return {"type": "array"}
    return {"type": "string"}


def _merge(known: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Returns a schema that accepts the values of both."""
    if known == found:
        return known
    kinds = {known.get("type"), found.get("type")}
    if kinds == {"integer"}:
        return {"type": "integer", "airbyte_type": "big_integer"}
    if kinds == {"integer", "number"}:
        return {"type": "number"}
    if kinds == {"string"} and not ({"contentEncoding"} & (known.keys() | found.keys())):
        return {"type": "string"}
    return {"airbyte_type": "unknown"}
