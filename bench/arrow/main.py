"""P16: an Arrow table in memory loaded through the Python package, against adbc_ingest and
psycopg's COPY of the same table. See scripts/bench arrow.

One-chunk and chunked tables, with all meta columns and without any, in the same run: every round
runs each load once, in an order that the next round reverses. The figure is the median of the
ratios of one round.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import breakdown
import report
from database import Database
from loads import AdbcLoad, CopyLoad, Load, SynclineLoad
from process_usage import cpu_seconds, postgres_cpu_seconds
from records import chunked, read_table
from report import Figure, Usage
from server import ServerUnderTest

# Targets of wall time, ours / adbc_ingest.
TARGETS = {
    ("one chunk", "full"): 0.80,
    ("one chunk", "none"): 0.60,
    ("chunks", "full"): 1.40,
    ("chunks", "none"): 1.00,
}


class Bench:
    """Runs single loads and checks what they loaded."""

    def __init__(self, database: Database, server: ServerUnderTest, contents: str) -> None:
        self._database = database
        self._server = server
        self._contents = contents

    def measure(self, load: Load, table: Any) -> Usage:
        """Loads `table` into a new schema after a checkpoint, and drops it."""
        schema = self._database.fresh_schema()
        gc.collect()
        self._database.checkpoint()
        server = cpu_seconds(self._server.pid)
        postgres = postgres_cpu_seconds(self._database.postmaster)
        client = time.process_time()
        caller = time.thread_time()
        began = time.perf_counter()
        load.run(schema, table)
        usage = Usage(
            wall=time.perf_counter() - began,
            caller=time.thread_time() - caller,
            client=time.process_time() - client,
            server=cpu_seconds(self._server.pid) - server,
            postgres=postgres_cpu_seconds(self._database.postmaster) - postgres,
        )
        found = self._database.contents(schema)
        if found != self._contents:
            raise SystemExit(f"arrow: {load.name} loaded {found} instead of {self._contents}")
        self._database.drop_schema(schema)
        return usage


def compare(bench: Bench, tables: dict[str, Any], loads: list[Load], rounds: int) -> list[Figure]:
    """Runs every load of every table in alternation. The first round is a warm-up."""
    plan = [
        (shape, load)
        for shape in tables
        for load in loads
        # The text that psycopg sends does not depend on the chunks.
        if not (isinstance(load, CopyLoad) and shape == "chunks")
    ]
    figures = {
        (shape, load.name): Figure(shape, load.name, TARGETS.get((shape, load.meta)))
        for shape, load in plan
    }
    for number in range(rounds + 1):
        for shape, load in plan if number % 2 == 0 else reversed(plan):
            usage = bench.measure(load, tables[shape])
            print(f"    {number} {shape:9} {load.name:22} {usage.wall:.3f}", file=sys.stderr)
            if number > 0:
                figures[shape, load.name].runs.append(usage)
    return list(figures.values())


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench arrow")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--server", required=True, help="the program syncline-server")
    parser.add_argument("--generator", required=True, help="the program generate_records")
    parser.add_argument("--dsn", required=True, help="a PostgreSQL of this machine")
    parser.add_argument("--directory", required=True, type=Path, help="for data and logs")
    parser.add_argument("--sections", type=Path, help="directory for the tables as Markdown")
    arguments = parser.parse_args()
    if arguments.records < 1 or arguments.repetitions < 1:
        parser.error("--records and --repetitions must be positive")
    return arguments


def main() -> None:
    options = parse_arguments()
    one_chunk = read_table(options.generator, options.records, options.directory)
    tables = {"one chunk": one_chunk, "chunks": chunked(one_chunk)}
    with (
        Database(options.dsn) as database,
        ServerUnderTest(options.server, options.dsn, options.directory) as server,
    ):
        contents = database.expected_contents(options.generator, options.records)
        bench = Bench(database, server, contents)
        full = SynclineLoad(server.address, "full")
        none = SynclineLoad(server.address, "none")
        loads: list[Load] = [full, none, AdbcLoad(options.dsn), CopyLoad(options.dsn)]
        figures = compare(bench, tables, loads, options.repetitions)
        shares = {
            shape: breakdown.measure(partial(bench.measure, full, table), options.repetitions)
            for shape, table in tables.items()
        }
        for load in loads:
            load.close()
    sections = {
        "arrow": report.comparison(figures, report.describe(options.records, options.repetitions)),
        "arrow-time": breakdown.table(shares),
    }
    for name, text in sections.items():
        print(f"\n{text}", end="")
        if options.sections:
            (options.sections / name).write_text(text)


if __name__ == "__main__":
    main()
