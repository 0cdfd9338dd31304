"""The figures as Markdown tables, which are also what the benchmark prints."""

from __future__ import annotations

import datetime
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata

from records import CHUNK_ROWS


@dataclass(frozen=True)
class Usage:
    """Seconds of one load: wall time, and CPU of this program, the server and PostgreSQL."""

    wall: float
    caller: float  # the part of `client` in the thread that loads
    client: float
    server: float
    postgres: float


@dataclass
class Figure:
    """The runs of one load of one table, one per round."""

    shape: str
    load: str
    target: float | None  # of the ratio to adbc_ingest of the same table
    runs: list[Usage] = field(default_factory=list)

    def median(self, measure: str) -> float:
        return float(statistics.median(getattr(run, measure) for run in self.runs))

    def ratios(self, baseline: Figure) -> list[float]:
        """Returns the ratio of the wall times of each round."""
        return [ours.wall / theirs.wall for ours, theirs in zip(self.runs, baseline.runs)]


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def describe(records: int, repetitions: int) -> str:
    """Returns a line about the run: the date, the machine, and the versions of all packages."""
    packages = ("pyarrow", "grpcio", "protobuf", "adbc-driver-postgresql", "psycopg")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    date = datetime.datetime.now(datetime.timezone.utc).date()
    return (
        f"{records} records, {repetitions} rounds, {date}, {os.cpu_count()} cores; "
        f"Python {platform.python_version()}, {versions}."
    )


def comparison(figures: Sequence[Figure], description: str) -> str:
    """Returns the table of P16."""
    of = {(figure.shape, figure.load): figure for figure in figures}
    copy = next(figure for figure in figures if figure.load == "psycopg's COPY")
    rows = []
    for figure in figures:
        ratios = figure.ratios(of[figure.shape, "adbc_ingest"])
        ratio = statistics.median(ratios)
        ours = figure.load.startswith("syncline")
        target = figure.target
        rows.append(
            [
                "P16" if ours else "",
                "one chunk" if figure.shape == "one chunk" else f"chunks of {CHUNK_ROWS} rows",
                figure.load,
                f"{figure.median('wall'):.3f}",
                f"{figure.median('client'):.2f}",
                f"{figure.median('server'):.2f}",
                f"{figure.median('postgres'):.2f}",
                f"{ratio:.2f}" if figure.load != "adbc_ingest" else "",
                f"{min(ratios):.2f}-{max(ratios):.2f}" if figure.load != "adbc_ingest" else "",
                f"{statistics.median(figure.ratios(copy)):.2f}" if figure is not copy else "",
                "" if target is None else f"<= {target:.2f}",
                "" if target is None else "pass" if ratio <= target else "MISS",
            ]
        )
    head = [
        *("", "table", "load", "wall s", "client CPU s", "server CPU s", "PostgreSQL CPU s"),
        *("/ adbc_ingest", "spread", "/ psycopg's COPY", "target", ""),
    ]
    return f"{markdown(head, rows)}\n{description}\n"
