"""The benchmark's PostgreSQL: what is not timed."""

from __future__ import annotations

import subprocess
from typing import Any

import psycopg

TABLE = "mixed12"

# The columns with the types that adbc_ingest gives them.
COLUMNS = {
    "id": "bigint",
    "account": "text",
    "name": "text",
    "active": "boolean",
    "amount": "numeric",
    "score": "double precision",
    "created_at": "timestamptz",
    "birthday": "date",
    "quantity": "bigint",
    "city": "text",
    "note": "text",
    "attributes": "text",
}


def definitions() -> str:
    """Returns the columns of CREATE TABLE."""
    return ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())


class Database:
    """A connection of a superuser. The constructor refuses a database that is not durable."""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._execute("SET client_min_messages = warning")
        self.postmaster = int(
            self._value("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")
        )
        self._schemas = 0
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            if (value := self._value(f"SHOW {setting}")) != "on":
                raise SystemExit(f"arrow: {setting} is {value}")

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def _execute(self, sql: str) -> Any:
        return self._connection.execute(sql)

    def _value(self, sql: str) -> str:
        return str(self._execute(sql).fetchone()[0])

    def fresh_schema(self) -> str:
        """Creates a schema that this run has not used."""
        self._schemas += 1
        schema = f"arrow_{self._schemas}"
        self.drop_schema(schema)
        self._execute(f"CREATE SCHEMA {schema}")
        return schema

    def drop_schema(self, schema: str) -> None:
        self._execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    def checkpoint(self) -> None:
        """Ends the writing of what an earlier run has left."""
        self._execute("CHECKPOINT")

    def contents(self, schema: str) -> str:
        """Returns the number of rows and a sum of hashes of the 12 columns as text.

        It does not depend on the order, nor on numeric or double precision for numbers.
        """
        columns = ", ".join(
            f"trim_scale({name}::numeric)" if kind in ("numeric", "double precision") else name
            for name, kind in COLUMNS.items()
        )
        return self._value(
            "SELECT count(*) || ' rows, checksum ' || "
            f"coalesce(sum(hashtextextended(ROW({columns})::text, 0)::numeric), 0) "
            f"FROM {schema}.{TABLE}"
        )

    def expected_contents(self, generator: str, records: int) -> str:
        """Returns the contents of these records as PostgreSQL itself reads them from text."""
        schema = self.fresh_schema()
        self._execute(f"CREATE UNLOGGED TABLE {schema}.{TABLE} ({definitions()})")
        command = [generator, "--format=copy", f"--records={records}"]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE) as process,
            self._connection.cursor().copy(f"COPY {schema}.{TABLE} FROM STDIN") as copy,
        ):
            assert process.stdout is not None
            while text := process.stdout.read(1 << 20):
                copy.write(text)
        if process.returncode != 0:
            raise SystemExit("arrow: generate_records failed")
        contents = self.contents(schema)
        self.drop_schema(schema)
        return contents
