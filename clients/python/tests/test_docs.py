"""The examples of the documentation run: README.md and the docstrings with doctest."""

from __future__ import annotations

import doctest
import uuid
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer

import syncline.schema

README = Path(__file__).parent.parent / "README.md"


def test_docstrings() -> None:
    assert doctest.testmod(syncline.schema).failed == 0


def readme_of(address: str, schema: str) -> doctest.DocTest:
    """Returns the page's program with the test's server, schema and sync ids."""
    text = README.read_text()
    assert '"127.0.0.1:50051"' in text
    assert 'namespace="shop"' in text
    text = text.replace("127.0.0.1:50051", address).replace('"shop"', f'"{schema}"')
    for sync_id in (
        "people",
        "nightly",
        "growing",
        "numbers",
        "acked",
        "prices",
        "rejected",
        "async",
    ):
        text = text.replace(f'"{sync_id}-1"', f'"{sync_id}-{schema}"')
    # Without the fences, which doctest would take for output.
    lines = ["" if line.startswith("```") else line for line in text.splitlines()]
    return doctest.DocTestParser().get_doctest("\n".join(lines), {}, "README.md", str(README), 0)


def test_the_readme_is_one_program() -> None:
    assert len(readme_of("127.0.0.1:1", "shop").examples) > 15


def test_readme_runs_twice(real: Any, database: Any) -> None:
    pytest.importorskip("pyarrow")
    for _ in range(2):
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        runner.run(readme_of(real.address, database.schema))
        assert runner.summarize().failed == 0


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


def test_dlt_destination_sends_every_row(fake: FakeServer, tmp_path: Path) -> None:
    dlt = pytest.importorskip("dlt")
    from dlt_destination import syncline_destination

    pipeline = dlt.pipeline(
        "fake", pipelines_dir=str(tmp_path), destination=syncline_destination(server=fake.address)
    )
    pipeline.run([{"id": i, "name": f"n{i}"} for i in range(100)], table_name="orders")
    assert len(fake.rows("orders")) == 100
    assert list(fake.batches[0].rows.columns) == ["id", "name"]


def test_dlt_destination(real: Any, database: Any, tmp_path: Path) -> None:
    dlt = pytest.importorskip("dlt")
    from dlt_destination import syncline_destination

    destination = syncline_destination(server=real.address, namespace=database.schema)
    name = f"p{uuid.uuid4().hex[:8]}"
    pipeline = dlt.pipeline(name, pipelines_dir=str(tmp_path), destination=destination)
    rows = [{"id": i, "name": f"n{i}"} for i in range(100)]
    pipeline.run(rows, table_name="orders")
    assert database.count("orders") == 100
    pipeline.run(rows[:10], table_name="keyed", write_disposition="merge", primary_key="id")
    pipeline.run(rows, table_name="keyed", write_disposition="merge", primary_key="id")
    assert database.count("keyed") == 100
