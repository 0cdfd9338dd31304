"""A replacement for DataFrame.to_sql that can be repeated after a failure.

load_frame(frame, "shop.orders", sync_id="orders-2024-06-01", if_exists="replace")
"""

from __future__ import annotations

from typing import Any

import syncline

_MODES = ("append", "replace", "upsert")


def load_frame(
    frame: Any,
    table: str,
    *,
    sync_id: str,
    if_exists: str = "append",
    key: tuple[str, ...] = (),
    server: str = "127.0.0.1:50051",
) -> syncline.StreamResult:
    """Loads a pandas data frame into `table`, which is a name or schema.name.

    `if_exists` is "append", "replace" (readers see the old rows or the new ones), or "upsert" by
    `key`. A named index becomes columns; an index without a name is not stored. The same `sync_id`
    never loads twice.
    """
    if if_exists not in _MODES:
        raise ValueError(f"if_exists must be one of: {', '.join(_MODES)}")
    if any(level is not None for level in frame.index.names):
        frame = frame.reset_index()
    namespace, _, name = table.rpartition(".")
    with syncline.connect(server) as client:
        return client.load(
            sync_id,
            name,
            frame,
            namespace=namespace,
            mode="dedup" if if_exists == "upsert" else "append",
            primary_key=key,
            overwrite=if_exists == "replace",
        )
