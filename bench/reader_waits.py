"""Measures how long readers of a table wait while Syncline changes it. See scripts/reader-waits."""

import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

SCHEMA = "reader_waits"
TABLE = f"{SCHEMA}.t"
START_SECONDS = 60
# Maximum time for which readers go on after the long reader has ended, so that an operation can
# finish.
MARGIN_SECONDS = 20

# Operations in their order. `words` are those of `syncline load`; an operation whose `needs` is not
# in its --help is skipped. `rows` is the share of the table's rows that is loaded.
OPERATIONS = [
    {"name": "evolution", "rows": 0.0, "extra": True, "words": ["--mode=append"]},
    {"name": "key change", "rows": 0.01, "words": ["--mode=dedup", "--primary_key=id,name"]},
    {"name": "merge", "rows": 0.2, "words": ["--mode=dedup", "--primary_key=id,name"]},
    {"name": "swap", "rows": 1.0, "words": ["--mode=overwrite"]},
    {
        "name": "in-place replace",
        "rows": 1.0,
        "words": ["--mode=overwrite", "--replace_strategy=in_place"],
        "needs": "--replace_strategy",
    },
]

# One row through three views, and a check that all rows are of one load.
READ_ROW = f"\\set id random(1, :rows)\nSELECT name FROM {SCHEMA}.v3 WHERE id = :id;\n"
READ_ALL = (
    "SELECT 1 / CASE WHEN count(*) = :rows AND count(DISTINCT load) = 1 THEN 1 ELSE 0 END "
    f"FROM {SCHEMA}.v3;\n"
)


class Session:
    """A psql process that runs statements one by one."""

    def __init__(self, dsn):
        self.process = subprocess.Popen(
            ["psql", "-XqAt", dsn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.run("SET client_min_messages = warning")

    def run(self, sql):
        """Returns the lines that the statement prints."""
        self.process.stdin.write(f"{sql};\n\\echo end-of-answer\n")
        self.process.stdin.flush()
        lines = []
        while (line := self.process.stdout.readline().rstrip("\n")) != "end-of-answer":
            if self.process.poll() is not None:
                raise RuntimeError(f"psql ended while it ran: {sql}")
            lines.append(line)
        return lines

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class LockSampler(threading.Thread):
    """Samples pg_locks, and records the longest time for which the table was locked against readers."""

    SQL = (
        "SELECT count(*) FROM pg_catalog.pg_locks WHERE granted AND locktype = 'relation' AND mode = "
        f"'AccessExclusiveLock' AND relation = pg_catalog.to_regclass('{TABLE}')::pg_catalog.oid"
    )

    def __init__(self, dsn):
        super().__init__(daemon=True)
        self.session = Session(dsn)
        self.done = threading.Event()
        self.longest = 0.0
        self.start()

    def run(self):
        since = None
        before = time.monotonic()
        while not self.done.is_set():
            held = self.session.run(self.SQL) != ["0"]
            now = time.monotonic()
            # From the last sample without the lock to the first one without it again.
            if held and since is None:
                since = before
            if since is not None:
                self.longest = max(self.longest, now - since)
            if not held:
                since = None
            before = now
            time.sleep(0.0005)

    def stop(self):
        """Returns the longest time in seconds, at most one sample too long."""
        self.done.set()
        self.join()
        self.session.close()
        return self.longest


class Readers:
    """Readers (pgbench) that query at a fixed rate, so that they do not use all of the machine."""

    def __init__(self, options, directory, script, rows, seconds):
        self.prefix = os.path.join(directory, "reads")
        for old in glob.glob(f"{self.prefix}.*"):
            os.remove(old)
        path = os.path.join(directory, "read.sql")
        with open(path, "w") as file:
            file.write(script)
        self.process = subprocess.Popen(
            ["pgbench", "-n", "-f", path, "-D", f"rows={rows}", "-c", str(options.readers), "-j", "2"]
            + ["-R", str(options.rate), "-T", str(seconds), "--log", f"--log-prefix={self.prefix}", options.dsn],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def wait(self):
        """Returns the number of reads, the longest one in seconds, and the errors."""
        output, _ = self.process.communicate()
        reads, longest = 0, 0.0
        for path in glob.glob(f"{self.prefix}.*"):
            with open(path) as file:
                for line in file:
                    fields = line.split()
                    # client, transaction, latency, script, seconds, microseconds, schedule lag: a read
                    # that starts late because its client still waits is not counted twice.
                    reads += 1
                    longest = max(longest, (int(fields[2]) - int(fields[6])) / 1e6)
        return reads, longest, output if self.process.returncode else ""


class Server:
    def __init__(self, options, directory):
        port_file = os.path.join(directory, "ports.json")
        self.log = open(os.path.join(directory, "server.log"), "w")
        self.process = subprocess.Popen(
            [options.server, f"--postgres_dsn={options.dsn}", "--listen=127.0.0.1:0", "--metrics_listen="]
            + [f"--port_file={port_file}", "--log_format=json"],
            stderr=self.log,
        )
        end = time.monotonic() + START_SECONDS
        while not os.path.exists(port_file):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the server does not start; see {self.log.name}")
            time.sleep(0.02)
        with open(port_file) as file:
            ports = json.load(file)
        self.address = f"127.0.0.1:{next(iter(ports.values()))}"

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


class Measurement:
    def __init__(self, options, directory):
        self.options = options
        self.directory = directory
        self.server = Server(options, directory)
        self.session = Session(options.dsn)
        self.loads = 0
        self.failures = []

    def write_records(self, rows, extra=False):
        """Writes a file whose records all have the number of this load."""
        self.loads += 1
        path = os.path.join(self.directory, "records.jsonl")
        more = ',"extra":"x"' if extra else ""
        with open(path, "w") as file:
            for first in range(1, rows + 1, 10000):
                file.writelines(
                    f'{{"id":{i},"name":"n{i}","load":{self.loads}{more}}}\n'
                    for i in range(first, min(first + 10000, rows + 1))
                )
        return path

    def load(self, path, words):
        """Returns how long the load took and the error, if any."""
        start = time.monotonic()
        done = subprocess.run(
            [self.options.client, "load", path, f"--table={TABLE}", f"--server={self.server.address}", *words],
            capture_output=True,
            text=True,
        )
        return time.monotonic() - start, done.stderr if done.returncode else ""

    def set_up(self, rows):
        self.session.run(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        self.session.run(f"CREATE SCHEMA {SCHEMA}")
        _, error = self.load(self.write_records(rows), ["--mode=dedup", "--primary_key=id"])
        if error:
            raise RuntimeError(error)
        # Partial, so that it does not serve in place of our index on the key, which the key change drops.
        self.session.run(f"CREATE INDEX by_id ON {TABLE} (id) WHERE id > 0")
        for level in (1, 2, 3):
            below = TABLE if level == 1 else f"{SCHEMA}.v{level - 1}"
            self.session.run(f"CREATE VIEW {SCHEMA}.v{level} AS SELECT id, name, load FROM {below}")
        self.session.run(f"VACUUM ANALYZE {TABLE}")

    def fail(self, name, what):
        self.failures.append(f"{name}: {what}")

    def measure(self, operation):
        """Runs an operation while a long reader has its snapshot and the readers query."""
        name, rows, hold = operation["name"], self.options.rows, self.options.hold
        path = self.write_records(max(1, int(rows * operation["rows"])), operation.get("extra", False))
        long_reader = Session(self.options.dsn)
        long_reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
        before = long_reader.run(f"SELECT count(*), sum(load) FROM {SCHEMA}.v3")
        readers = Readers(self.options, self.directory, READ_ROW, rows, hold + min(hold + 5, MARGIN_SECONDS))
        sampler = LockSampler(self.options.dsn)
        result = []
        thread = threading.Thread(target=lambda: result.append(self.load(path, operation["words"])))
        thread.start()
        time.sleep(hold)
        if long_reader.run(f"SELECT count(*), sum(load) FROM {SCHEMA}.v3") != before:
            self.fail(name, "the long reader does not see the rows of its snapshot")
        long_reader.run("COMMIT")
        long_reader.close()
        thread.join()
        reads, longest, errors = readers.wait()
        held = sampler.stop()
        took, error = result[0]
        print(f"{name:18} {took:8.1f} {reads:8} {longest * 1000:10.0f} {held * 1000:10.1f}", flush=True)
        if error or errors:
            self.fail(name, (error or errors).strip())
        if longest * 1000 >= self.options.max_wait:
            self.fail(name, f"a reader waited {longest * 1000:.0f} ms")
        if held * 1000 >= self.options.max_lock:
            self.fail(name, f"readers were locked out for {held * 1000:.1f} ms")

    def replace_in_a_row(self):
        """Replaces a small table again and again while readers check that they see one load."""
        count, rows = self.options.replaces, 1000
        if count == 0:
            return
        self.set_up(rows)
        done = 0
        start = time.monotonic()
        worst, total, errors = 0.0, 0, ""
        while done < count and not self.failures:
            readers = Readers(self.options, self.directory, READ_ALL, rows, 10)
            while readers.process.poll() is None and done < count:
                _, error = self.load(self.write_records(rows), ["--mode=overwrite"])
                if error:
                    self.fail("replaces", error.strip())
                    break
                done += 1
            reads, longest, errors = readers.wait()
            worst, total = max(worst, longest), total + reads
            if errors:
                self.fail("replaces", errors.strip())
        took = time.monotonic() - start
        print(f"{done} replaces in {took:.1f} s, {total} reads, the longest {worst * 1000:.0f} ms")
        if worst * 1000 >= self.options.max_wait:
            self.fail("replaces", f"a reader waited {worst * 1000:.0f} ms")

    def run(self):
        known = subprocess.run([self.options.client, "load", "--help"], capture_output=True, text=True).stdout
        self.set_up(self.options.rows)
        print(f"{'operation':18} {'took s':>8} {'reads':>8} {'longest ms':>10} {'locked ms':>10}", flush=True)
        for operation in OPERATIONS:
            if self.options.only and operation["name"] not in self.options.only:
                continue
            if operation.get("needs", "") not in known:
                print(f"{operation['name']:18} skipped: this version has no {operation['needs']}")
                continue
            self.measure(operation)
        self.replace_in_a_row()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--hold", type=int, default=30, help="seconds of the long reader")
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--rate", type=int, default=200, help="reads per second of all readers together")
    parser.add_argument("--replaces", type=int, default=100)
    parser.add_argument("--only", action="append", help="name of an operation; may be repeated")
    parser.add_argument("--max_wait", type=float, default=300, help="limit of a read in ms")
    parser.add_argument("--max_lock", type=float, default=50, help="limit of ACCESS EXCLUSIVE in ms")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reader-waits.") as directory:
        measurement = Measurement(options, directory)
        try:
            measurement.run()
        finally:
            measurement.session.close()
            measurement.server.stop()
    for failure in measurement.failures:
        print(f"reader-waits: {failure}", file=sys.stderr)
    print("reader-waits: " + ("failed" if measurement.failures else "passed"))
    sys.exit(1 if measurement.failures else 0)


if __name__ == "__main__":
    main()
