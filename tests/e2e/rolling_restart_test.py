#!/usr/bin/env python3
"""Alternately restarts two servers on one ledger with SIGTERM while loads of every mode run with both addresses.

Checks that every load ends with exit code 0, that every table contains exactly what was sent, and that every server
reports NOT_SERVING at once and exits with code 0 within its grace time. scripts/rolling-restart runs it for minutes,
ctest for seconds, on the PostgreSQL of SYNCLINE_TEST_DSN.

  rolling_restart_test.py --server BINARY --client BINARY [--before_server BINARY] [--reruns N] [--seconds N] [--every N]

--before_server is a server of an older version that replaces one of the two. --reruns is how often a failed load may be
run again with its sync id, for older command lines that do not always resume by themselves.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

from rolling_loads import Append, FedAppend, GrowingAppend, Merge, Reader, Replace, Write
from rolling_servers import Replica

SKIPPED = 77


class Test:
    def __init__(self, options, dsn, directory):
        self.client, self.dsn, self.directory = options.client, dsn, directory
        self.seconds, self.every, self.reruns = options.seconds, options.every, options.reruns
        self.schema = f"rolling_{os.getpid()}"
        self.ledger = f"{self.schema}_ledger"
        self.passed, self.failed, self.drains = 0, [], []
        self.psql = [shutil.which("psql") or "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-c"]
        binaries = {"one": options.server, "two": options.server}
        if options.before_server:
            binaries = {"before": options.before_server, "new": options.server}
        self.replicas = [Replica(name, binary, directory, dsn, self.ledger) for name, binary in binaries.items()]
        self.loads = [kind(self) for kind in (Append, FedAppend, GrowingAppend, Merge, Replace, Write)]
        self.readers = [Reader(self, "replaced", Replace.count), Reader(self, "written_replace", lambda _: Write.EACH)]

    def check(self, name, condition, detail=""):
        if condition:
            self.passed += 1
        else:
            self.failed.append(name)
            print(f"FAIL {name}{': ' if detail != '' else ''}{detail}", flush=True)

    def sql(self, statement):
        run = subprocess.run([*self.psql, statement], capture_output=True, text=True)
        if run.returncode != 0:
            raise SystemExit(f"rolling-restart: {statement}: {run.stderr.strip()}")
        return run.stdout.strip()

    def target(self, number):
        """Returns both addresses. The client uses the first one that it can reach."""
        ports = [replica.port for replica in self.replicas]
        return "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in (ports if number % 2 == 0 else reversed(ports)))

    def start(self, replica):
        started = replica.start()
        self.check(f"{replica.name} serves", started)
        return started

    def restart_in_turn(self):
        began = time.monotonic()
        turn = 0
        while (turn + 1) * self.every < self.seconds:
            time.sleep(max(0, began + (turn + 1) * self.every - time.monotonic()))
            replica, other = self.replicas[turn % 2], self.replicas[(turn + 1) % 2]
            self.check(f"{other.name} serves while {replica.name} drains", other.serves())
            self.drains.append(replica.drain(self.check))
            if not self.start(replica):
                return
            turn += 1
        time.sleep(max(0, began + self.seconds - time.monotonic()))

    def run(self):
        self.sql(f"CREATE SCHEMA {self.schema}")
        if not self.start(self.replicas[0]):
            return
        for worker in self.loads + self.readers:
            worker.start()
        # With two versions, the first loads have begun before the new version migrates the ledger.
        time.sleep(1)
        if self.start(self.replicas[1]):
            self.restart_in_turn()
        for worker in self.loads + self.readers:
            worker.stopping.set()
        for worker in self.loads + self.readers:
            worker.join()
        for replica in self.replicas:
            self.drains.append(replica.drain(self.check))
        self.check_loads()

    def check_loads(self):
        for load in self.loads:
            self.check(f"every round of {load.name} ends with exit code 0", not load.faults, "; ".join(load.faults))
            self.check(f"{load.name} ran", load.rounds > 0)
            if not load.faults:
                load.check()
        for reader in self.readers:
            self.check(f"readers of {reader.table} see whole generations", not reader.faults, reader.faults[:3])
        drained = sum(int(line["open_streams"]) for replica in self.replicas for line in replica.events("draining"))
        self.check("the restarts drained open calls", drained > 0)
        rounds = sum(load.rounds for load in self.loads)
        records = sum(load.records for load in self.loads)
        run_again = sum(load.run_again for load in self.loads)
        self.summary = (
            f"{len(self.drains)} drains of {drained} open calls, the longest of {max(self.drains):.1f} s; "
            f"{rounds} loads of {records:,} records, all complete"
            + (f"; {run_again} of them were run again" if self.reruns else "")
        )

    def clean_up(self):
        for replica in self.replicas:
            replica.kill()
            if self.failed:
                print(f"--- end of the log of {replica.name}\n{replica.log_end()}---", flush=True)
        self.sql(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE; DROP SCHEMA IF EXISTS {self.ledger} CASCADE")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--before_server")
    parser.add_argument("--reruns", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--every", type=float, default=4)
    options = parser.parse_args()
    dsn = os.environ.get("SYNCLINE_TEST_DSN")
    if not dsn:
        print("rolling-restart: SYNCLINE_TEST_DSN is not set")
        return 1 if os.environ.get("CI") else SKIPPED
    with tempfile.TemporaryDirectory(prefix="syncline-rolling.") as directory:
        test = Test(options, dsn, directory)
        try:
            test.run()
        finally:
            test.clean_up()
        if test.failed:
            print(f"rolling-restart: FAILED, {len(test.failed)} of {test.passed + len(test.failed)} checks")
            return 1
        print(f"rolling-restart: ok, {test.passed} checks; {test.summary}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
