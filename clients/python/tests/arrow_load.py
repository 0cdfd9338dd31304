"""A program that loads one million rows of Arrow data: ADDRESS SYNC_ID SCHEMA.

It prints how many records are durable, one number per line, and can be killed at any time.
"""

from __future__ import annotations

import sys
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

import syncline

ROWS = 1_000_000
# Per row, every column has another value, and all of them follow from the id.
MATCHES = "name = 'user ' || id AND half = id / 2.0"


def make_table() -> Any:
    ids = pa.array(range(ROWS), pa.int64())
    names = pc.binary_join_element_wise("user ", ids.cast(pa.string()), "")
    return pa.table({"id": ids, "name": names, "half": pc.divide(ids.cast(pa.float64()), 2.0)})


def load(address: str, sync_id: str, schema: str, progress: syncline.OnProgress) -> None:
    with syncline.connect(address, retry_for=60) as client:
        table = make_table()
        stream = syncline.Stream("users", table, namespace=schema)
        with client.sync(sync_id, [stream], progress=progress) as sync:
            sync["users"].write(table)


if __name__ == "__main__":
    load(*sys.argv[1:4], lambda state: print(state.records_durable, flush=True))
