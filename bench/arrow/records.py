"""The records of P1 as Arrow tables: `mixed12` of generate_records."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa

CHUNK_ROWS = 32_768

# The JSON object is text, because adbc_ingest has no type for it. Strings are cast to the others.
SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("account", pa.string()),
        ("name", pa.string()),
        ("active", pa.bool_()),
        ("amount", pa.decimal128(12, 2)),
        ("score", pa.float64()),
        ("created_at", pa.timestamp("us", "UTC")),
        ("birthday", pa.date32()),
        ("quantity", pa.int64()),
        ("city", pa.string()),
        ("note", pa.string()),
        ("attributes", pa.string()),
    ]
)

_PARSED = {pa.int64(), pa.bool_(), pa.string()}


def _column(field: Any, values: list[Any]) -> Any:
    if field.name == "attributes":
        values = [json.dumps(value) for value in values]  # with the spaces of the original
    if field.type in _PARSED:
        return pa.array(values, field.type)
    return pa.array(values, pa.string()).cast(field.type)


def read_table(generator: str, records: int, directory: Path) -> Any:
    """Returns a table with one chunk, as Table.from_pandas makes it."""
    path = directory / "mixed12.jsonl"
    with path.open("wb") as file:
        subprocess.run([generator, f"--records={records}"], stdout=file, check=True)
    batches = []
    with path.open(encoding="utf-8") as lines:
        while rows := [
            json.loads(line, parse_float=str) for _, line in zip(range(CHUNK_ROWS), lines)
        ]:
            columns = [_column(field, [row[field.name] for row in rows]) for field in SCHEMA]
            batches.append(pa.record_batch(columns, SCHEMA))
    path.unlink()
    table = pa.Table.from_batches(batches).combine_chunks()
    assert table.num_rows == records
    assert all(column.num_chunks == 1 for column in table.columns)
    return table


def chunked(table: Any) -> Any:
    """Returns a copy of the table in chunks with buffers of their own."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=CHUNK_ROWS)
    return pa.ipc.open_stream(sink.getvalue()).read_all()
