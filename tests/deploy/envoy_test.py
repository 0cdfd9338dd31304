"""Checks deploy/envoy/envoy.yaml with a real Envoy in front of two real servers: effect and counter of each setting.

scripts/envoy-test starts it, with a PostgreSQL. Only the addresses, ports and paths of the configuration are replaced
by those of this machine.

  envoy_test.py --envoy BINARY --server BINARY --client BINARY --dsn DSN --directory SCRATCH [--quick]
"""

import argparse
import resource
import subprocess
import sys
import time

from hyperframe.frame import HeadersFrame

from checks import check, summary, wait_until
from envoy_attacks import Attacks
from envoy_ends import Ends
from envoy_limits import Limits
from envoy_setup import (
    CHECK,
    LIST,
    MAX_STREAMS,
    WATCH,
    WINDOW,
    Certificate,
    Envoy,
    Server,
    Victim,
)
from envoy_tokens import Tokens
from http2_caller import Http2Caller

RECORDS = 200_000
CALLERS = 200


class Test(Attacks, Ends, Limits, Tokens):
    def __init__(self, options):
        self.options = options
        self.directory = options.directory
        dsn_file = f"{self.directory}/dsn"
        with open(dsn_file, "w") as file:
            file.write(options.dsn)
        self.certificate = Certificate(f"{self.directory}/tls")
        self.servers = [Server(options.server, dsn_file, self.directory, f"server{n}") for n in (1, 2)]
        self.envoy = Envoy(options.envoy, self.servers, self.certificate, self.directory)

    def stop(self):
        for program in [self.envoy, *self.servers]:
            if program.process.poll() is None:
                program.process.kill()
            program.process.wait()

    def caller(self, port=None, **options):
        caller = Http2Caller(port or self.envoy.port, self.certificate.path, **options)
        caller.wait_settings()
        return caller

    def server_connections(self):
        return sum(server.connections() for server in self.servers if server.process.poll() is None)

    def counted(self, name, what, condition, before, counter, least=1):
        """Checks an effect and that Envoy's counter for it has increased by at least `least`."""
        wait_until(lambda: self.envoy.counters().get(counter, 0) - before.get(counter, 0) >= least, 5)
        counts = self.envoy.counters().get(counter, 0) - before.get(counter, 0)
        check(name, condition and counts >= least, f"{what}; {counter} +{counts:.0f}")

    def load(self):
        path = f"{self.directory}/records.jsonl"
        with open(path, "w") as file:
            for i in range(RECORDS):
                file.write(
                    f'{{"id": {i}, "name": "caller {i % 977}", "amount": {i % 1000}.25, "note": "some words"}}\n'
                )
        started = time.monotonic()
        run = subprocess.run(
            [
                self.options.client,
                "load",
                path,
                "--table",
                "envoy_test.records",
                "--server",
                f"127.0.0.1:{self.envoy.port}",
                "--tls_ca_file",
                self.certificate.path,
                "--tls_server_name",
                "localhost",
            ],
            capture_output=True,
            text=True,
        )
        took = time.monotonic() - started
        rows = subprocess.run(
            [
                "psql",
                "-XAtq",
                "-d",
                self.options.dsn,
                "-c",
                "SELECT count(DISTINCT id) || ' of ' || count(*) " "FROM envoy_test.records",
            ],
            capture_output=True,
            text=True,
        ).stdout.strip()
        check(
            f"{RECORDS} records load through Envoy",
            run.returncode == 0 and rows == f"{RECORDS} of {RECORDS}",
            f"{rows} rows in {took:.1f} s {run.stderr[-200:] if run.returncode else ''}",
        )

    def callers_come_and_go(self):
        before, base = self.envoy.counters(), self.server_connections()
        callers = [self.caller() for _ in range(CALLERS)]
        answers = [caller.call(LIST) for caller in callers]
        peak = self.server_connections() - base
        for caller in callers:
            caller.close()
        left = time.monotonic()
        back = wait_until(lambda: self.server_connections() <= base, 15)
        check(f"{CALLERS} callers are served", all(a.get("grpc-status") == "0" for a in answers))
        # The first connections may already be idle when the last one opens.
        check(
            "each caller has its own upstream connection",
            self.envoy.counters()["envoy_cluster_upstream_cx_total"]
            - before["envoy_cluster_upstream_cx_total"]
            >= CALLERS,
            f"{peak} at once",
        )
        self.counted(
            "upstream connections of disconnected callers close within 15 s",
            f"{self.server_connections()} after {time.monotonic() - left:.1f} s, {base} before",
            back,
            before,
            "envoy_cluster_upstream_cx_idle_timeout",
            CALLERS // 2,
        )

    def many_streams(self):
        caller = self.caller()
        check(
            f"{MAX_STREAMS} concurrent streams are offered",
            caller.settings.get(3) == MAX_STREAMS,
            caller.settings.get(3),
        )
        check("the window of a stream is bounded", caller.settings.get(4) == WINDOW, caller.settings.get(4))
        before = self.envoy.counters()
        for _ in range(100):
            caller.open(WATCH)
        answer = caller.call(LIST, timeout=5)
        check("a call on a channel of 100 open streams is answered", answer.get("grpc-status") == "0", answer)
        for _ in range(MAX_STREAMS - 100):
            caller.open(WATCH)
        all_open = caller.wait(lambda: len(caller.data) >= MAX_STREAMS, 20)
        # Over a second connection, so that more are open than Envoy's default circuit breakers allow.
        second = self.caller()
        for _ in range(300):
            second.open(WATCH)
        more = second.wait(lambda: len(second.data) >= 300, 20)
        overflow = self.envoy.counters().get("envoy_cluster_upstream_rq_pending_overflow", 0)
        check(
            f"{MAX_STREAMS + 300} calls are open at once",
            all_open and more and overflow == 0,
            f"upstream_rq_pending_overflow {overflow:.0f}",
        )
        second.close()
        # One more stream than offered violates HTTP/2.
        try:
            caller.open(WATCH)
        except OSError:
            pass
        self.counted(
            "one stream more than offered closes the connection",
            "closed",
            caller.wait_closed(5),
            before,
            "envoy_http_downstream_cx_protocol_error",
        )

    def start_waits(self):
        self.wait_begin, self.wait_counters = time.monotonic(), self.envoy.counters()
        self.half_sent = self.caller(answer_pings=False)
        self.half_sent.send(
            HeadersFrame(
                self.half_sent.take_stream(),
                self.half_sent.encoder.encode(self.half_sent.request_headers(LIST)),
            )
        )
        self.deaf = self.caller(answer_pings=False)
        self.deaf.open(WATCH)
        self.idle = self.caller()
        self.silent_call = self.caller()
        self.silent_stream = self.silent_call.open(WATCH)
        # A call whose caller is silent, too: it sends only headers. Only the server may end it, not Envoy.
        self.silent_sender = self.silent_call.open(CHECK, message=None)

    def age(self, caller):
        return (caller.closed_at or time.monotonic()) - self.wait_begin

    def finish_waits(self, quick):
        ended = self.half_sent.wait(lambda: self.half_sent.ended or self.half_sent.closed_at, 20)
        self.counted(
            "incomplete headers end the call after 10 s",
            f"ended: {bool(ended)}",
            bool(ended),
            self.wait_counters,
            "envoy_http_downstream_rq_header_timeout",
        )
        wait_until(lambda: self.deaf.closed_at or self.age(self.deaf) > 60, 60)
        self.counted(
            "a caller that does not answer pings is closed within 55 s",
            f"after {self.age(self.deaf):.1f} s",
            self.deaf.closed_at is not None and 25 < self.age(self.deaf) < 56,
            self.wait_counters,
            "envoy_http2_keepalive_timeout",
        )
        limit = 45 if quick else 315
        if not quick:
            print(f"     waiting for {limit} s", flush=True)
        wait_until(lambda: self.age(self.silent_call) > limit, limit + 10, 0.5)
        ended = self.silent_call.ended.get(self.silent_stream)
        check(
            f"a call that is silent for {limit} s stays open",
            ended is None and self.silent_call.closed_at is None,
            f"ended: {ended}, closed: {self.silent_call.closed_at is not None} after {self.age(self.silent_call):.1f} s",
        )
        check(
            "so does a call whose caller is silent",
            self.silent_sender not in self.silent_call.ended,
            self.silent_call.headers.get(self.silent_sender, ""),
        )
        if quick:
            print("skip a connection without a call is closed after 300 s: --quick", flush=True)
            return
        self.counted(
            "a connection without a call is closed after 300 s",
            f"after {self.age(self.idle):.1f} s",
            self.idle.closed_at is not None and 290 < self.age(self.idle) < 312,
            self.wait_counters,
            "envoy_http_downstream_cx_idle_timeout",
        )

    def run(self):
        self.start_waits()
        self.load()
        self.callers_come_and_go()
        self.many_streams()
        self.headers()
        self.paths()
        self.tls()
        victim = Victim(self)
        victim.start()
        self.bad_binary_header(victim)
        self.table_out_of_step(victim)
        self.hpack(victim)
        self.rapid_reset(victim)
        self.silent_connections(victim)
        victim.going = False
        victim.join()
        self.failed_tries()
        self.finish_waits(self.options.quick)
        self.new_certificate()
        self.lose_servers()
        self.pre_stop()
        self.lose_all(self.options.quick)
        check("Envoy is still running", self.envoy.process.poll() is None)


def main():
    parser = argparse.ArgumentParser()
    for name in ("envoy", "server", "client", "dsn", "directory"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--quick", action="store_true")
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    test = Test(parser.parse_args())
    try:
        test.run()
    finally:
        test.stop()
    return summary("envoy-test")


if __name__ == "__main__":
    sys.exit(main())
