"""A dlt destination: pipelines load through a Syncline server.

    pipeline = dlt.pipeline("shop", destination=syncline_destination(server="127.0.0.1:50051"))
    pipeline.run([{"id": 1}], table_name="orders")

dlt calls it once per file of a load package, with the path of a parquet file, and again for a file
whose call failed. The sync id is made from that file, so a repeated call loads nothing twice. The
files of one table are loaded one after the other, because a newer sync of a table that is merged
takes over from an older one.

Objects and lists become jsonb columns; dlt makes no nested tables for such a destination. The write
dispositions are append, and merge by the primary key without further hints such as hard_delete. A
replace would need all files of a table in one call. What cannot succeed when it is repeated ends
the job at once.
"""

from __future__ import annotations

import json
import os
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.parquet as pq
from dlt.destinations.exceptions import DestinationTerminalException

import syncline
from syncline.schema import infer_schema


@dlt.destination(
    batch_size=0,
    loader_file_format="parquet",
    loader_parallelism_strategy="table-sequential",
    name="syncline",
    naming_convention="snake_case",
    skip_dlt_columns_and_tables=True,
)
def syncline_destination(
    items: str,
    table: Any,
    server: str = dlt.config.value,
    namespace: str = "",
) -> None:
    """Loads one parquet file into the stream of its table."""
    file = pq.ParquetFile(items)
    # TABLE.FILE_ID.RETRIES.parquet: without the number of retries, which changes.
    sync_id = f"dlt-{os.path.basename(items).rsplit('.', 2)[0]}"[-128:]
    # Without the columns of dlt itself, which it leaves in parquet files.
    names = [name for name in file.schema_arrow.names if not name.startswith("_dlt_")]
    try:
        stream = stream_of(table, file.schema_arrow, names, namespace)
        with (
            syncline.connect(server) as client,
            client.sync(sync_id, [stream], on_error="keep_open") as sync,
        ):
            for batch in file.iter_batches(columns=names):
                sync.streams[0].write(with_json(batch, json_columns(table)))
    except (ValueError, TypeError, syncline.InvalidRequest) as error:
        raise DestinationTerminalException(f"table {table['name']}: {error}") from error


def stream_of(table: Any, schema: pa.Schema, names: list[str], namespace: str) -> syncline.Stream:
    """Returns the stream of a table, or raises ValueError if it cannot be loaded."""
    disposition = table["write_disposition"]
    if disposition not in ("append", "merge"):
        raise ValueError(f"write_disposition {disposition} is not supported")
    merge = disposition == "merge"
    key = [name for name, column in table["columns"].items() if column.get("primary_key")]
    if merge and not key:
        raise ValueError("write_disposition merge needs a primary key")
    json_schema = infer_schema(pa.schema([schema.field(name) for name in names]))
    for name in json_columns(table) & json_schema["properties"].keys():
        json_schema["properties"][name] = {"type": ["object", "array"]}
    return syncline.Stream(
        table["name"],
        json_schema,
        namespace=namespace,
        mode="dedup" if merge else "append",
        primary_key=key if merge else [],
    )


def json_columns(table: Any) -> set[str]:
    """Returns the columns that have JSON as text in a parquet file."""
    return {name for name, column in table["columns"].items() if column.get("data_type") == "json"}


def with_json(batch: pa.RecordBatch, columns: set[str]) -> pa.RecordBatch | list[dict[str, Any]]:
    """Returns the batch itself, or its rows with parsed JSON if it has JSON, which is slower."""
    present = columns & set(batch.schema.names)
    if not present:
        return batch
    rows: list[dict[str, Any]] = batch.to_pylist()
    for row in rows:
        row.update((name, json.loads(row[name])) for name in present if row[name] is not None)
    return rows
