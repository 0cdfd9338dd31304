"""A dlt destination: pipelines load through a Syncline server.

    pipeline = dlt.pipeline("shop", destination=syncline_destination(server="127.0.0.1:50051"))
    pipeline.run([{"id": 1}], table_name="orders")

dlt calls it once per file of a load package, with the path of a parquet file, and again for a file
whose call failed. The sync id is made from that file, so a repeated call loads nothing twice.
Nested tables of dlt become tables of their own, as in its other destinations. The write
dispositions are append and merge: a replace would need all files of a table in one call.
"""

from __future__ import annotations

import os
from typing import Any

import dlt
import pyarrow.parquet as pq

import syncline


@dlt.destination(
    batch_size=0,
    loader_file_format="parquet",
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
    disposition = table.get("write_disposition")
    if disposition not in ("append", "merge"):
        raise ValueError(f"table {table['name']}: write_disposition {disposition} is not supported")
    merge = disposition == "merge"
    columns = table.get("columns", {})
    key = [name for name, column in columns.items() if column.get("primary_key")]
    if merge and not key:
        raise ValueError(f"table {table['name']}: write_disposition merge needs a primary key")
    present = [name for name in file.schema_arrow.names if not name.startswith("_dlt_")]
    schema = file.schema_arrow
    for name in set(schema.names) - set(present):
        schema = schema.remove(schema.get_field_index(name))
    stream = syncline.Stream(
        table["name"],
        schema,
        namespace=namespace,
        mode="dedup" if merge else "append",
        primary_key=key if merge else [],
    )
    # TABLE.FILE_ID.RETRIES.parquet: without the number of retries, which changes.
    sync_id = f"dlt-{os.path.basename(items).rsplit('.', 2)[0]}"[-128:]
    with (
        syncline.connect(server) as client,
        client.sync(sync_id, [stream], on_error="keep_open") as sync,
    ):
        for batch in file.iter_batches(columns=present):
            sync.streams[0].write(batch)
