#!/usr/bin/env python3
"""Writes expected.json beside this file: the tables expected of the Singer SDK's target test streams.

They are computed from the messages by the rules of docs/singer.md, without the target: per stream
file the exit code, the reason of an error, and per table its columns with their types, the number of
its rows and a digest of them. The rows themselves are not stored.
"""

import decimal
import hashlib
import json
import re

import singer_package

EXPECTED = singer_package.HERE / "expected.json"
STRINGS = {"date": "date", "date-time": "timestamp with time zone", "time": "time without time zone"}


def parse(text):
    return json.loads(text, parse_float=decimal.Decimal)


def plain(value):
    """Returns a value in which equal numbers are equal texts."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return value.replace("\0", "")  # PostgreSQL has no NUL
    if isinstance(value, (int, decimal.Decimal)):
        return format(decimal.Decimal(value).normalize(), "f")
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {key: plain(item) for key, item in value.items()}


def digest(rows):
    """Returns a digest of rows, dictionaries without nulls, in any order."""
    texts = sorted(json.dumps(plain(row), sort_keys=True) for row in rows)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def column_type(schema):
    members = schema.get("anyOf") or schema.get("oneOf")
    if members:
        types = {column_type(m) for m in members if m.get("type") != "null"}
        if types <= set(STRINGS.values()) | {"character varying"}:
            return types.pop() if len(types) == 1 else "character varying"
        return types.pop() if len(types) == 1 else "jsonb"
    types = schema.get("type", [])
    types = [t for t in ([types] if isinstance(types, str) else types) if t != "null"]
    if len(types) != 1:
        return "jsonb"
    if types[0] == "string":
        return STRINGS.get(schema.get("format"), "character varying")
    return {"integer": "bigint", "number": "numeric", "boolean": "boolean"}.get(types[0], "jsonb")


def common_type(a, b):
    if a == b:
        return a
    if {a, b} <= set(STRINGS.values()) | {"character varying"}:
        return "character varying"
    return "numeric" if {a, b} == {"bigint", "numeric"} else "jsonb"


def table_name(stream):
    return re.sub(r"[^A-Za-z0-9_]", "_", stream)


class Stream:
    def __init__(self, keys):
        self.keys = keys
        self.columns = {}
        self.rows = {}
        self.marks = False

    def declare(self, properties):
        for name, schema in properties.items():
            declared = column_type(schema)
            self.columns[name] = common_type(self.columns.get(name, declared), declared)

    def add(self, record, number):
        row = {k: v for k, v in record.items() if k in self.columns and v is not None}
        self.rows[tuple(plain(record[k]) for k in self.keys) if self.keys else number] = row

    def expected(self):
        columns = dict(self.columns)
        if self.marks:
            columns["_sdc_deleted_at"] = "timestamp with time zone"
        return {"columns": columns, "rows": len(self.rows), "sha256": digest(self.rows.values())}


def find_fault(message, streams):
    """Returns the reason for which the message ends the run, or None."""
    kind = message["type"]
    if kind == "SCHEMA":
        if "properties" not in message["schema"]:
            return "SINGER_NO_PROPERTIES"
        known = streams.get(message["stream"])
        keys = message.get("key_properties") or []
        return "SINGER_KEY_CHANGED" if known and known.rows and known.keys != keys else None
    if kind == "RECORD":
        stream = streams.get(message["stream"])
        if stream is None:
            return "SINGER_NO_SCHEMA"
        if any(key not in message["record"] for key in stream.keys):
            return "SINGER_NO_KEY"
    return None


def expect(text):
    """Returns what a run with these messages does."""
    streams, fault = {}, None
    for number, line in enumerate(text.splitlines()):
        message = parse(line)
        fault = find_fault(message, streams)
        if fault:
            break
        if message["type"] == "SCHEMA":
            keys = message.get("key_properties") or []
            stream = streams.setdefault(message["stream"], Stream(keys))
            stream.declare(message["schema"]["properties"])
        elif message["type"] == "RECORD":
            stream = streams[message["stream"]]
            stream.marks = stream.marks or "version" in message
            stream.add(message["record"], number)
    # A run that fails creates no table for a stream that has no record yet.
    tables = {table_name(name): s.expected() for name, s in streams.items() if s.rows or not fault}
    return {"exit": 1 if fault else 0, "reason": fault, "tables": tables}


def main():
    if singer_package.python() is None:
        raise SystemExit(1)
    expected = {name: expect(path.read_text("utf-8")) for name, path in singer_package.streams().items()}
    EXPECTED.write_text(json.dumps(expected, indent=1, sort_keys=True, ensure_ascii=True) + "\n")
    print(f"{len(expected)} streams in {EXPECTED}")


if __name__ == "__main__":
    main()
