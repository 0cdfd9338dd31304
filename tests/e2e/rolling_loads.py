"""The loads of rolling_restart_test.py: each repeats one kind of load with the command line and checks the final tables."""

import json
import subprocess
import threading
import time

SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "round": {"type": "integer"}, "name": {"type": "string"}},
}
# Duration of input from a pipe, so that every restart interrupts such a load.
FEED_SECONDS = 6
FEEDS = 60
# How long a load retries to reach a server. One of the two always serves.
RETRY_SECONDS = 60
FILE_RECORDS = 20000
FED_RECORDS = 6000
GROWN_RECORDS = 2000
# A table has at most 1,600 columns, however long the test runs.
MAX_GROWN_COLUMNS = 200
KEYS = 5000


def record(i, round_number):
    return {"id": i, "round": round_number, "name": f"name {i}"}


def keys_of(round_number, count):
    """Returns the keys that a round of a merge sends: three of four, different in each round."""
    return [key for key in range(count) if key % 4 != round_number % 4]


class Load(threading.Thread):
    """Runs rounds until it is stopped. A round that has begun is finished."""

    name = ""
    schema = SCHEMA

    def __init__(self, test):
        super().__init__(daemon=True)
        self.test, self.rounds, self.records, self.run_again, self.faults = test, 0, 0, 0, []
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set() and not self.faults:
            self.round(self.rounds)
            self.rounds += 1

    def path(self, name):
        return f"{self.test.directory}/{self.name}.{name}"

    def write_file(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def execute(self, round_number, words, feed=None):
        """Runs the command line, and repeats it with the same sync id if reruns are allowed. Returns its stdout."""
        command = [self.test.client, *words, f"--sync_id={self.name}-{round_number}", f"--retry_for={RETRY_SECONDS}s"]
        code, printed = self.execute_once(command, feed)
        for _ in range(self.test.reruns):
            if code == 0:
                break
            self.run_again += 1
            code, printed = self.execute_once(command, feed)
        if code != 0:
            with open(self.path("stderr")) as err:
                self.faults.append(f"{self.name}, round {round_number}: exit code {code}: {err.read().strip()[-500:]}")
        return printed

    def execute_once(self, command, feed):
        with open(self.path("stdout"), "w") as out, open(self.path("stderr"), "w") as err:
            stdin = subprocess.PIPE if feed else subprocess.DEVNULL
            process = subprocess.Popen(command, stdin=stdin, stdout=out, stderr=err, text=True)
            if feed:
                try:
                    self.feed(process.stdin, feed)
                    process.stdin.close()
                except BrokenPipeError:
                    pass  # its exit code is reported
            code = process.wait()
        with open(self.path("stdout")) as out:
            return code, out.read()

    @staticmethod
    def feed(stdin, lines):
        began = time.monotonic()
        for piece in range(FEEDS):
            stdin.write("".join(lines[piece * len(lines) // FEEDS : (piece + 1) * len(lines) // FEEDS]))
            stdin.flush()
            time.sleep(max(0, began + (piece + 1) * FEED_SECONDS / FEEDS - time.monotonic()))

    def load(self, round_number, lines, mode, *words, feed=False):
        self.records += len(lines)
        schema = self.write_file("schema.json", json.dumps(self.schema))
        source = "-" if feed else self.write_file("jsonl", "".join(lines))
        self.execute(
            round_number,
            ["load", source, "--format=jsonl", f"--table={self.test.schema}.{self.name}", f"--mode={mode}"]
            + [f"--schema={schema}", f"--server={self.test.target(round_number)}", *words],
            feed=lines if feed else None,
        )

    def rows(self, table, columns):
        lines = self.test.sql(f"SELECT {columns} FROM {self.test.schema}.{table}").splitlines()
        return [tuple(int(value) for value in line.split("|")) for line in lines]

    def check_append(self, table, count):
        """Checks that the table has every record once."""
        ids = sorted(i for i, in self.rows(table, "id"))
        self.test.check(f"{table} holds each of {count} records once", ids == list(range(count)), f"{len(ids)} rows")

    def check_merge(self, table, expected):
        """Checks that the table has the newest record of every key."""
        rows = self.rows(table, "id, round")
        same = len(rows) == len(expected) and dict(rows) == expected
        self.test.check(f"{table} holds the newest record of {len(expected)} keys", same, f"{len(rows)} rows")

    def check_replaced(self, table, round_number, count):
        """Checks that the table has exactly the records of the last round."""
        rows = sorted(self.rows(table, "id, round"))
        same = rows == [(i, round_number) for i in range(count)]
        self.test.check(f"{table} holds the {count} records of its last replace", same, f"{len(rows)} rows")


class Append(Load):
    name = "appended"

    def round(self, number):
        lines = [json.dumps(record(number * FILE_RECORDS + i, number)) + "\n" for i in range(FILE_RECORDS)]
        self.load(number, lines, "append")

    def check(self):
        self.check_append(self.name, self.rounds * FILE_RECORDS)


class FedAppend(Load):
    name = "fed"

    def round(self, number):
        lines = [json.dumps(record(number * FED_RECORDS + i, number)) + "\n" for i in range(FED_RECORDS)]
        self.load(number, lines, "append", feed=True)

    def check(self):
        self.check_append(self.name, self.rounds * FED_RECORDS)


class GrowingAppend(Load):
    """Appends with a schema that has one more column in every round, up to a limit, so that servers and restarts meet
    changes of the table."""

    name = "growing"

    def round(self, number):
        columns = self.columns(number + 1)
        self.schema = {"type": "object", "properties": {column: {"type": "integer"} for column in columns}}
        lines = [json.dumps(dict.fromkeys(columns, j)) + "\n" for j in range(GROWN_RECORDS)]
        self.load(number, lines, "append")

    @staticmethod
    def columns(rounds):
        """Returns the columns of the table after this number of rounds."""
        return [f"c{i}" for i in range(min(rounds, MAX_GROWN_COLUMNS))]

    def check(self):
        columns = self.columns(self.rounds)
        found = self.rows(self.name, ", ".join(f"count({column}), sum({column})" for column in columns))[0]
        each = sum(range(GROWN_RECORDS))
        expected = [(self.rounds - i) * part for i in range(len(columns)) for part in (GROWN_RECORDS, each)]
        self.test.check(
            f"{self.name} holds each value of its {len(columns)} columns once", list(found) == expected, f"{found}"
        )


class Merge(Load):
    name = "merged"

    def __init__(self, test):
        super().__init__(test)
        self.newest = {}

    def round(self, number):
        keys = keys_of(number, KEYS)
        # An older record of every key follows the newer one.
        sent = [record(key, number) for key in keys] + [record(key, number - 1) for key in keys]
        self.load(
            number, [json.dumps(r) + "\n" for r in sent], "dedup", "--primary_key=id", "--cursor=round"
        )
        self.newest.update((key, number) for key in keys)

    def check(self):
        self.check_merge(self.name, self.newest)


class Replace(Load):
    name = "replaced"

    @staticmethod
    def count(number):
        return FILE_RECORDS // 2 + number % 7

    def round(self, number):
        lines = [json.dumps(record(i, number)) + "\n" for i in range(self.count(number))]
        self.load(number, lines, "overwrite")

    def check(self):
        self.check_replaced(self.name, self.rounds - 1, self.count(self.rounds - 1))


class Write(Load):
    """Runs `syncline write` with a stream of each kind, and with states between the records, from a pipe."""

    name = "written"
    STREAMS = {"append": "append", "merge": "append_dedup", "replace": "overwrite"}
    EACH = 2000
    STATE_EVERY = 250

    def __init__(self, test):
        super().__init__(test)
        self.newest = {}

    def catalog(self, number):
        streams = []
        for stream, mode in self.STREAMS.items():
            streams.append(
                {
                    "stream": {"name": f"written_{stream}", "json_schema": SCHEMA, "supported_sync_modes": ["incremental"]},
                    "sync_mode": "full_refresh" if stream == "replace" else "incremental",
                    "destination_sync_mode": mode,
                    "primary_key": [["id"]] if stream == "merge" else [],
                    "cursor_field": ["round"],
                    "sync_id": number + 1,
                    "generation_id": number + 1 if stream == "replace" else 1,
                    "minimum_generation_id": number + 1 if stream == "replace" else 0,
                }
            )
        return {"streams": streams}

    def messages(self, number):
        keys = keys_of(number, self.EACH)
        ids = {"append": range(number * self.EACH, (number + 1) * self.EACH), "merge": keys, "replace": range(self.EACH)}
        for at in range(self.EACH):
            for stream in self.STREAMS:
                if at < len(ids[stream]):
                    data = record(ids[stream][at], number)
                    body = {"stream": f"written_{stream}", "emitted_at": int(time.time() * 1000), "data": data}
                    yield {"type": "RECORD", "record": body}
                if at % self.STATE_EVERY == self.STATE_EVERY - 1:
                    body = {"stream_descriptor": {"name": f"written_{stream}"}, "stream_state": {"at": at}}
                    yield {"type": "STATE", "state": {"type": "STREAM", "stream": body}}
        for stream in self.STREAMS:
            status = {"stream_descriptor": {"name": f"written_{stream}"}, "status": "COMPLETE"}
            trace = {"type": "STREAM_STATUS", "emitted_at": time.time() * 1000, "stream_status": status}
            yield {"type": "TRACE", "trace": trace}
        self.newest.update((key, number) for key in keys)

    def round(self, number):
        config = {"server": self.test.target(number), "schema": self.test.schema}
        words = ["--config", self.write_file("config.json", json.dumps(config))]
        words += ["--catalog", self.write_file("catalog.json", json.dumps(self.catalog(number)))]
        lines = [json.dumps(message) + "\n" for message in self.messages(number)]
        self.records += sum('"RECORD"' in line for line in lines)
        printed = self.execute(number, ["write", *words], feed=lines)
        for stream in self.STREAMS:
            self.check_states(number, f"written_{stream}", printed)

    def check_states(self, number, stream, printed):
        states = [m["state"]["stream"] for m in map(json.loads, printed.splitlines()) if m["type"] == "STATE"]
        at = [s["stream_state"]["at"] for s in states if s["stream_descriptor"]["name"] == stream]
        if at != list(range(self.STATE_EVERY - 1, self.EACH, self.STATE_EVERY)) and not self.faults:
            self.faults.append(f"{stream}, round {number}: its states were printed as {at}")

    def check(self):
        self.check_append("written_append", self.rounds * self.EACH)
        self.check_merge("written_merge", self.newest)
        self.check_replaced("written_replace", self.rounds - 1, self.EACH)


class Reader(threading.Thread):
    """Reads a table that is replaced and checks that it always contains one complete round."""

    def __init__(self, test, table, count_of):
        super().__init__(daemon=True)
        self.test, self.table, self.count_of = test, table, count_of
        self.looks, self.faults, self.stopping = 0, [], threading.Event()

    def run(self):
        table = f"{self.test.schema}.{self.table}"
        while not self.stopping.wait(0.1):
            if self.test.sql(f"SELECT to_regclass('{table}') IS NOT NULL") != "t":
                continue
            found = self.test.sql(f"SELECT count(*), count(DISTINCT round), max(round) FROM {table}")
            count, rounds, newest = found.split("|")
            self.looks += 1
            # The table is empty before its first replace.
            if int(count) and (rounds != "1" or int(count) != self.count_of(int(newest))):
                self.faults.append(found)
