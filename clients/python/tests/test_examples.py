"""The programs of examples/ with the real pandas and dlt, and a real server."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, Callable

import pytest
from fake_server import FakeServer


def test_pandas_helper(real: Any, database: Any) -> None:
    pandas = pytest.importorskip("pandas")
    from pandas_helper import load_frame

    frame = pandas.DataFrame({"id": [1, 2], "name": ["a", None]})
    table = f"{database.schema}.frames"
    for mode, rows in (("append", 2), ("replace", 2), ("upsert", 2)):
        load_frame(
            frame,
            table,
            sync_id=f"frame-{uuid.uuid4().hex}",
            if_exists=mode,
            key=("id",) if mode == "upsert" else (),
            server=real.address,
        )
        assert database.count("frames") == rows
    with pytest.raises(ValueError, match="append, replace, upsert"):
        load_frame(frame, table, sync_id="x", if_exists="fail", server=real.address)


def test_pandas_helper_keeps_a_named_index(real: Any, database: Any) -> None:
    pandas = pytest.importorskip("pandas")
    from pandas_helper import load_frame

    frame = pandas.DataFrame({"n": [1, 2]}, index=pandas.Index(["a", "b"], name="key"))
    for _ in range(2):
        sync_id = f"index-{database.schema}"
        load_frame(frame, f"{database.schema}.indexed", sync_id=sync_id, server=real.address)
    rows = database.query("SELECT key, n FROM {s}.indexed ORDER BY key")
    assert rows == [("a", 1), ("b", 2)]


def test_dlt_destination_sends_every_row(fake: FakeServer, tmp_path: Path) -> None:
    dlt = pytest.importorskip("dlt")
    from dlt_destination import syncline_destination

    pipeline = dlt.pipeline(
        "fake", pipelines_dir=str(tmp_path), destination=syncline_destination(server=fake.address)
    )
    pipeline.run([{"id": i, "name": f"n{i}"} for i in range(100)], table_name="orders")
    assert len(fake.rows("orders")) == 100
    assert list(fake.batches[0].rows.columns) == ["id", "name"]


@pytest.fixture
def run(real: Any, database: Any, tmp_path: Path) -> Callable[..., Any]:
    """Runs one pipeline into the test's schema."""
    dlt = pytest.importorskip("dlt")
    from dlt_destination import syncline_destination

    destination = syncline_destination(server=real.address, namespace=database.schema)
    name = f"p{uuid.uuid4().hex[:8]}"
    pipeline = dlt.pipeline(name, pipelines_dir=str(tmp_path), destination=destination)
    loads: Callable[..., Any] = pipeline.run
    return loads


def test_dlt_destination(run: Any, database: Any) -> None:
    rows = [{"id": i, "name": f"n{i}"} for i in range(100)]
    run(rows, table_name="orders")
    assert database.count("orders") == 100
    run(rows[:10], table_name="keyed", write_disposition="merge", primary_key="id")
    run(rows, table_name="keyed", write_disposition="merge", primary_key="id")
    assert database.count("keyed") == 100


def test_dlt_merges_the_files_of_a_table(
    run: Any, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS", "100")
    for name in ("a", "b"):
        rows = [{"id": i, "name": name} for i in range(1000)]
        run(rows, table_name="keyed", write_disposition="merge", primary_key="id")
    assert database.query("SELECT count(*), min(name) FROM {s}.keyed") == [(1000, "b")]


def test_dlt_stores_objects_and_lists_as_jsonb(run: Any, database: Any) -> None:
    rows = [
        {"id": 1, "items": [{"sku": "a"}], "address": {"city": "x"}, "photo": b"\x00\x01"},
        {"id": 2, "items": {"sku": "b"}},
    ]
    run(rows, table_name="nested")
    assert database.query("SELECT items, address, photo FROM {s}.nested ORDER BY id") == [
        ([{"sku": "a"}], {"city": "x"}, b"\x00\x01"),
        ({"sku": "b"}, None, None),
    ]


@pytest.mark.parametrize(
    ("disposition", "reason"),
    [("replace", "replace is not supported"), ("merge", "needs a primary key")],
)
def test_dlt_does_not_repeat_what_cannot_succeed(run: Any, disposition: str, reason: str) -> None:
    from dlt.pipeline.exceptions import PipelineStepFailed

    with pytest.raises(PipelineStepFailed, match=f"Terminal(?s:.*){reason}"):
        run([{"id": 1}], table_name="refused", write_disposition=disposition)
