#!/usr/bin/env python3
"""Records the streams of Airbyte's source-smoke-test (PyPI package airbyte), which a test loads.

Writes beside this file:
  catalog.json       the configured catalog: every stream, append
  messages.jsonl.gz  RECORD and STREAM_STATUS messages, with one fixed time, so that a new recording
                     differs only where the source does
  streams.txt        per stream its name, records and different primary keys (- without a key)

Without --source, installs the package into a virtual environment under var/.
"""
import argparse
import gzip
import json
import pathlib
import subprocess
import sys

PACKAGE = "airbyte==0.71.3"
HERE = pathlib.Path(__file__).resolve().parent
TIME_MS = 1700000000000
CONFIG = {"large_batch_record_count": 20, "all_fast_streams": True, "all_slow_streams": True}


def install():
    directory = HERE.parent.parent / "var" / "smoke-test"
    source = directory / "bin" / "source-smoke-test"
    if not source.exists():
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        subprocess.run([directory / "bin" / "pip", "install", "-q", PACKAGE], check=True)
    return str(source)


def messages(source, *arguments):
    run = subprocess.run([source, *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return [json.loads(line) for line in run.stdout.splitlines()]


def record(source):
    scratch = HERE / "scratch"
    scratch.mkdir(exist_ok=True)
    config = scratch / "config.json"
    config.write_text(json.dumps(CONFIG))
    discovered = [m for m in messages(source, "discover", "--config", config) if m["type"] == "CATALOG"]
    streams = discovered[0]["catalog"]["streams"]
    streams.sort(key=lambda stream: stream["name"])
    catalog = {
        "streams": [
            {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "append"} for stream in streams
        ]
    }
    (HERE / "catalog.json").write_text(json.dumps(catalog, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    read = messages(source, "read", "--config", config, "--catalog", HERE / "catalog.json")
    config.unlink()
    scratch.rmdir()
    return streams, read


def keep(message):
    """Returns the message with the fixed time, or None if it is of no use to a destination."""
    if message["type"] == "RECORD":
        message["record"]["emitted_at"] = TIME_MS
        return message
    if message["type"] == "TRACE" and message["trace"]["type"] == "STREAM_STATUS":
        message["trace"]["emitted_at"] = TIME_MS
        return message if message["trace"]["stream_status"]["status"] == "COMPLETE" else None
    return message if message["type"] == "STATE" else None


def stream_of(message):
    if message["type"] == "RECORD":
        return message["record"]["stream"]
    if message["type"] == "TRACE":
        return message["trace"]["stream_status"]["stream_descriptor"]["name"]
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", help="the installed program source-smoke-test")
    source = parser.parse_args().source or install()
    streams, read = record(source)
    kept = [message for message in map(keep, read) if message is not None]
    kept.sort(key=stream_of)  # stable: the source reads streams in parallel
    lines = "".join(json.dumps(message, ensure_ascii=False, separators=(",", ":")) + "\n" for message in kept)
    (HERE / "messages.jsonl.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    with open(HERE / "streams.txt", "w", encoding="utf-8") as out:
        for stream in streams:
            records = [m["record"]["data"] for m in kept if m["type"] == "RECORD" and stream_of(m) == stream["name"]]
            paths = stream.get("source_defined_primary_key") or []
            keys = {tuple(str(data.get(path[0])) for path in paths) for data in records}
            out.write(f"{stream['name']} {len(records)} {len(keys) if paths else '-'}\n")
    print(f"{len(streams)} streams, {len(kept)} messages")


if __name__ == "__main__":
    main()
