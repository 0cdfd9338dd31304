"""Which Arrow types can be sent, as what, and the JSON Schema of an Arrow schema.

Nothing here imports pyarrow before it is given something that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_UINT64_MAX = 2**64 - 1


class UnsupportedType(TypeError):
    """A column has an Arrow type that cannot be sent."""


def pyarrow() -> Any:
    """Returns the module pyarrow."""
    try:
        import pyarrow
        import pyarrow.compute
    except ImportError as error:
        raise ImportError("Arrow data and data frames need pyarrow: pip install pyarrow") from error
    return pyarrow


def value_type(kind: Any) -> Any:
    """Returns the type as which values of `kind` are sent, or `kind` itself."""
    pa = pyarrow()
    types = pa.types
    if types.is_dictionary(kind) or is_a(kind, "is_run_end_encoded"):
        return value_type(kind.value_type)
    if is_a(kind, "is_string_view"):
        return pa.string()
    if is_a(kind, "is_binary_view") or types.is_fixed_size_binary(kind):
        return pa.large_binary()
    if types.is_float16(kind):
        return pa.float32()
    if is_a(kind, "is_decimal32") or is_a(kind, "is_decimal64"):
        return pa.decimal128(kind.precision, kind.scale)
    return kind


def is_a(kind: Any, predicate: str) -> bool:
    """Calls a predicate that only newer versions of pyarrow have."""
    found = getattr(pyarrow().types, predicate, None)
    return found is not None and bool(found(kind))


def is_nested(kind: Any) -> bool:
    """Whether values of `kind` become JSON text."""
    types = pyarrow().types
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_struct(kind)
        or types.is_map(kind)
    )


def _children(kind: Any) -> list[Any]:
    types = pyarrow().types
    if types.is_struct(kind):
        return [kind.field(i).type for i in range(kind.num_fields)]
    if types.is_map(kind):
        return [kind.key_type, kind.item_type]
    return [kind.value_type]


def _is_supported(kind: Any) -> bool:
    types = pyarrow().types
    kind = value_type(kind)
    if is_nested(kind):
        return all(_is_supported(child) or types.is_null(child) for child in _children(kind))
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_decimal128(kind)
        or types.is_decimal256(kind)
        or types.is_date(kind)
        or types.is_time(kind)
        or types.is_timestamp(kind)
        or types.is_duration(kind)
        or is_text(kind)
        or is_binary(kind)
    )


def is_text(kind: Any) -> bool:
    types = pyarrow().types
    return bool(types.is_string(kind) or types.is_large_string(kind))


def is_binary(kind: Any) -> bool:
    types = pyarrow().types
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _property(kind: Any) -> dict[str, Any]:
    """Returns the JSON Schema of a column of the supported type `kind`."""
    types = pyarrow().types
    kind = value_type(kind)
    if types.is_uint64(kind):
        return {"type": "integer", "maximum": _UINT64_MAX}
    if types.is_integer(kind):
        return {"type": "integer"}
    if types.is_floating(kind) or types.is_decimal(kind):
        return {"type": "number"}
    if types.is_boolean(kind):
        return {"type": "boolean"}
    if types.is_date(kind):
        return {"type": "string", "format": "date"}
    if types.is_time(kind):
        return {"type": "string", "format": "time", "airbyte_type": "time_without_timezone"}
    if types.is_timestamp(kind):
        zone = "with" if kind.tz is not None else "without"
        return {
            "type": "string",
            "format": "date-time",
            "airbyte_type": f"timestamp_{zone}_timezone",
        }
    if is_binary(kind):
        return {"type": "string", "contentEncoding": "base64"}
    if types.is_struct(kind) or types.is_map(kind):
        return {"type": "object"}
    if is_nested(kind):
        return {"type": "array"}
    return {"type": "string"}


def json_schema(schema: Any) -> dict[str, Any]:
    """Returns the JSON Schema of the records of an Arrow schema.

    Columns of type null are left out. Raises UnsupportedType for a column that cannot be sent.
    """
    check_schema(schema, None)
    fields = [field for field in schema if not pyarrow().types.is_null(field.type)]
    return {"type": "object", "properties": {f.name: _property(f.type) for f in fields}}


def check_schema(schema: Any, properties: Mapping[str, Any] | None) -> None:
    """Raises UnsupportedType for a column that cannot be sent into a stream of `properties`."""
    seen: set[str] = set()
    for field in schema:
        if field.name in seen:
            raise UnsupportedType(f"column {field.name!r} occurs twice")
        seen.add(field.name)
        if pyarrow().types.is_null(field.type):
            continue
        if not _is_supported(field.type):
            raise UnsupportedType(f"column {field.name!r} has the unsupported type {field.type}")
        declared = (properties or {}).get(field.name)
        if declared is None or not is_binary(value_type(field.type)):
            continue
        if not isinstance(declared, Mapping) or declared.get("contentEncoding") != "base64":
            raise UnsupportedType(
                f"column {field.name!r} of type {field.type} needs contentEncoding base64 in the "
                "schema"
            )
