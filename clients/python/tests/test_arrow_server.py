"""Every Arrow type in five shapes: the table equals what psycopg inserts for to_pylist()."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

import syncline

pa = pytest.importorskip("pyarrow")

from arrow_cases import NAMES, SHAPES, shaped, to_pylist, wanted  # noqa: E402


@pytest.mark.parametrize("name", NAMES)
def test_equals_an_insert(real: Any, database: Any, name: str) -> None:
    columns = {shape: shaped(name, shape) for shape in SHAPES}
    with syncline.connect(real.address) as client:
        for shape, column in columns.items():
            table = pa.table({"id": pa.array(range(len(column)), pa.int64()), "v": column})
            result = client.load(
                f"py-{uuid.uuid4().hex}", f"{name}_{shape}", table, namespace=database.schema
            )
            assert (result.rows, result.values_truncated) == (len(column), 0)
    for shape, column in columns.items():
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        loaded = f'"{database.schema}"."{name}_{shape}"'
        inserted = f'"{database.schema}"."{name}_{shape}_inserted"'
        database.query(f"CREATE TABLE {inserted} AS SELECT id, v FROM {loaded} LIMIT 0")
        for number, value in enumerate(to_pylist(column)):
            parameters = (number, _parameter(kind, value))
            database.connection.execute(f"INSERT INTO {inserted} VALUES (%s, %s)", parameters)
        value = "v::interval" if pa.types.is_duration(kind) else "v"
        got, wanted_rows = (
            database.query(f"SELECT {value} FROM {table} ORDER BY id")
            for table in (loaded, inserted)
        )
        assert got == wanted_rows, shape


def _parameter(kind: Any, value: Any) -> Any:
    if pa.types.is_uint64(kind) or pa.types.is_decimal(kind) or value is None:
        return value
    if pa.types.is_float16(kind):
        return float(value)  # an older pyarrow returns a type of numpy
    if pa.types.is_duration(kind):
        return f"{value.total_seconds():.6f} seconds"
    return wanted(kind, value)
