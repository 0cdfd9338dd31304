#!/usr/bin/env python3
"""Runs the Singer target with the test streams of the Singer SDK, and the SDK's own tests of a target.

Every stream's tables must be those of expected.json (expected_tables.py). Needs SYNCLINE_TEST_DSN,
psql, and the environment that singer_package.py makes; exits with 77, which ctest reports as
skipped, without them.
"""

import argparse
import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import sys
import tempfile

import expected_tables
import singer_package

sys.path.insert(0, str(singer_package.HERE.parent / "e2e"))
from rolling_servers import Replica  # noqa: E402

SKIPPED = 77
SECONDS = 120
META = ["_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_meta", "_airbyte_generation_id"]


class Suite:
    def __init__(self, options, dsn, directory):
        self.client, self.directory = options.client, directory
        self.base = f"singer_{secrets.token_hex(4)}"
        self.psql = [shutil.which("psql") or "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", dsn]
        self.server = Replica("server", options.server, directory, dsn, f"{self.base}_ledger")
        self.schemas = [f"{self.base}_ledger"]
        self.failures = []

    def check(self, what, good, detail=""):
        if not good:
            self.failures.append(f"{what}: {detail}")

    def query(self, sql):
        return subprocess.run(
            [*self.psql, "-c", sql], capture_output=True, check=True, text=True, encoding="utf-8"
        ).stdout.splitlines()

    def new_schema(self):
        self.schemas.append(f"{self.base}_{len(self.schemas)}")
        return self.schemas[-1]

    def address(self):
        return f"127.0.0.1:{self.server.port}"

    def run_stream(self, name, path, expected):
        schema = self.new_schema()
        config = pathlib.Path(self.directory, "config.json")
        config.write_text(json.dumps({"server": self.address(), "schema": schema}))
        with path.open("rb") as messages:
            done = subprocess.run(
                [self.client, "singer", "--config", config], stdin=messages, capture_output=True,
                timeout=SECONDS, check=False,
            )
        words = done.stderr.decode()
        self.check(f"{name} exit code", done.returncode == expected["exit"], f"{done.returncode}\n{words}")
        reason = re.search(r"\((SINGER_[A-Z_]+)\)", words)
        self.check(f"{name} reason", (reason and reason.group(1)) == expected["reason"], words)
        self.check_states(name, path, done.stdout.decode(), expected)
        tables = self.query(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")
        self.check(f"{name} tables", sorted(tables) == sorted(expected["tables"]), tables)
        for table in set(tables) & set(expected["tables"]):
            self.check_table(name, schema, table, expected["tables"][table])

    # The printed states are a subsequence of those in the input that ends with the last one.
    def check_states(self, name, path, printed, expected):
        lines = path.read_text("utf-8").splitlines()
        sent = [message["value"] for message in map(json.loads, lines) if message["type"] == "STATE"]
        states = [json.loads(line) for line in printed.splitlines()]
        rest = iter(sent)
        self.check(f"{name} states", all(state in rest for state in states), printed)
        if expected["exit"] == 0:
            self.check(f"{name} last state", states[-1:] == sent[-1:], printed)

    def check_table(self, name, schema, table, expected):
        columns = dict(
            line.split("|")
            for line in self.query(
                "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attnum > 0 AND NOT "
                f"attisdropped AND attrelid = '\"{schema}\".\"{table}\"'::regclass"
            )
        )
        columns = {column: type_ for column, type_ in columns.items() if column not in META}
        self.check(f"{name} columns of {table}", columns == expected["columns"], columns)
        rows = [expected_tables.parse(line) for line in self.query(f'SELECT to_jsonb(t) FROM "{schema}"."{table}" t')]
        rows = [{k: v for k, v in row.items() if k not in META and v is not None} for row in rows]
        self.check(f"{name} rows of {table}", len(rows) == expected["rows"], len(rows))
        self.check(f"{name} values of {table}", expected_tables.digest(rows) == expected["sha256"], rows)

    def run_sdk_tests(self, python):
        environment = {
            **os.environ,
            "SYNCLINE_CLIENT": self.client,
            "SYNCLINE_SERVER_ADDRESS": self.address(),
            "SYNCLINE_TEST_SCHEMA": self.new_schema(),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", singer_package.HERE / "sdk_suite.py"],
            cwd=self.directory, env=environment, capture_output=True, text=True, timeout=5 * SECONDS, check=False,
        )
        self.check("the SDK's tests", done.returncode == 0, done.stdout + done.stderr)

    def run(self, python):
        expected = json.loads(expected_tables.EXPECTED.read_text())
        streams = singer_package.streams()
        self.check("streams", sorted(streams) == sorted(expected), sorted(streams))
        for name in sorted(set(streams) & set(expected)):
            self.run_stream(name, streams[name], expected[name])
        self.run_sdk_tests(python)

    def clean(self):
        self.server.kill()
        for schema in self.schemas:
            self.query(f'SET client_min_messages = error; DROP SCHEMA IF EXISTS "{schema}" CASCADE')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--client", required=True)
    options = parser.parse_args()
    dsn = os.environ.get("SYNCLINE_TEST_DSN")
    python = singer_package.python() if dsn else None
    if python is None:
        print("singer suite: skipped; it needs SYNCLINE_TEST_DSN and singer-sdk")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="syncline-singer-") as directory:
        suite = Suite(options, dsn, directory)
        try:
            if not suite.server.start():
                print(suite.server.log_end())
                return 1
            suite.run(python)
        finally:
            suite.clean()
    for failure in suite.failures:
        print(failure)
    print(f"singer suite: {len(suite.failures)} failures")
    return 1 if suite.failures else 0


if __name__ == "__main__":
    sys.exit(main())
