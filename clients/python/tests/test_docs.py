"""The examples of the documentation run: README.md and the docstrings with doctest."""

from __future__ import annotations

import doctest
from pathlib import Path
from typing import Any

import pytest

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
