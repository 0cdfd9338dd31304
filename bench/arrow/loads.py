"""The compared loads. Each is connected before it is timed."""

from __future__ import annotations

import uuid
from typing import Any, Protocol

import adbc_driver_postgresql.dbapi
import psycopg
import pyarrow as pa
import syncline
from pyarrow import csv

from database import COLUMNS, TABLE, definitions


class Load(Protocol):
    """One way to load a table."""

    name: str
    meta: str  # of the Python package's loads; empty for the others

    def run(self, schema: str, table: Any) -> None:
        """Creates the table in `schema`, loads it and commits."""

    def close(self) -> None: ...


class SynclineLoad:
    """The Python package, through the server."""

    def __init__(self, address: str, meta: str) -> None:
        self.name = f"syncline, meta {meta.upper()}"
        self.meta = meta
        self._client = syncline.connect(address)
        next(self._client.list_syncs(), None)  # makes the connection

    def run(self, schema: str, table: Any) -> None:
        sync_id = f"arrow-{uuid.uuid4().hex}"
        self._client.load(sync_id, TABLE, table, namespace=schema, meta=self.meta)

    def close(self) -> None:
        self._client.close()


class AdbcLoad:
    """adbc_ingest of adbc_driver_postgresql, in mode create."""

    name = "adbc_ingest"
    meta = ""

    def __init__(self, dsn: str) -> None:
        self._connection = adbc_driver_postgresql.dbapi.connect(dsn)

    def run(self, schema: str, table: Any) -> None:
        with self._connection.cursor() as cursor:
            cursor.adbc_ingest(TABLE, table, mode="create", db_schema_name=schema)
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()


class _CopySink:
    """A file for pyarrow that writes to a COPY of psycopg."""

    closed = False

    def __init__(self, copy: Any) -> None:
        self._copy = copy

    def write(self, data: Any) -> int:
        self._copy.write(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass


class CopyLoad:
    """COPY of psycopg. pyarrow makes the CSV, because psycopg's write_row has a loop in Python."""

    name = "psycopg's COPY"
    meta = ""

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn)

    def run(self, schema: str, table: Any) -> None:
        cursor = self._connection.cursor()
        cursor.execute(f"CREATE TABLE {schema}.{TABLE} ({definitions()})")
        names = ", ".join(COLUMNS)
        with cursor.copy(f"COPY {schema}.{TABLE} ({names}) FROM STDIN (FORMAT csv)") as copy:
            options = csv.WriteOptions(include_header=False, batch_size=4096)
            csv.write_csv(table, pa.PythonFile(_CopySink(copy), mode="w"), options)
        self._connection.commit()

    def close(self) -> None:
        self._connection.close()
