"""Attacks through Envoy on the CVEs of gRPC 1.51.1. They must not affect other callers."""

import socket
import time

from hyperframe.frame import ContinuationFrame, HeadersFrame

from checks import check, wait_until
from envoy_setup import LIST, MAX_CONNECTIONS, MAX_HEADER_BYTES, WATCH


class Attacks:
    """Part of envoy_test's Test."""

    def bad_binary_header(self, victim):
        """CVE-2023-32732: gRPC closes the whole connection."""
        before = self.envoy.counters()
        ended = 0
        for _ in range(20):
            caller = self.caller()
            caller.open(WATCH)
            answer = caller.call(LIST, [("x-test-bin", "!!!!")])
            ended += answer.get("grpc-status") != "0"
            caller.close()
        self.counted(
            "a bad -bin header ends its own connection",
            f"{ended} of 20",
            ended == 20,
            before,
            "envoy_cluster_upstream_cx_destroy_remote",
            15,
        )
        victim.check("CVE-2023-32732")

    def table_out_of_step(self, victim):
        """CVE-2023-32731 and 2023-1428: oversized blocks, then references to their entries in the table."""
        for size in (7000, 7600, 15600, 36000):
            caller = self.caller()
            first = caller.call(LIST, [("x-secret", "s" * size)], timeout=5)
            try:
                second = caller.call(
                    LIST, [("x-secret", "s" * size), ("te", "bad"), (":scheme", "ftp")], timeout=5
                )
            except OSError:
                second = {":closed": True}
            refused = size < MAX_HEADER_BYTES or first.get("grpc-status") != "0"
            check(
                f"a header of {size} bytes, then again with bad te and :scheme",
                refused and second.get("grpc-status") != "0",
                f"{first.get('grpc-status', first)}, {second.get('grpc-status', second)}",
            )
            caller.close()
        victim.check("CVE-2023-32731 and 2023-1428")

    def hpack(self, victim):
        """CVE-2023-33953: endless header strings and integers in continuation frames."""
        started = [server.cpu_seconds() for server in self.servers]
        string = b"\x00\x7f" + self.integer((8 << 20) - 127) + b"a" * (8 << 20)
        for name, block in (
            ("one header string of 8 MB", string),
            ("an integer of 20 MB", b"\x3f" + b"\x80" * (20 << 20)),
            ("60 MB of small headers", b"\x00\x01a\x01b" * (15 << 20)),
        ):
            callers = [self.caller() for _ in range(6)]
            sent = [self.flood(caller, block) for caller in callers]
            closed = [caller.wait_closed(5) for caller in callers]
            check(
                f"{name}, 6 times: closed early",
                all(closed) and max(sent) < len(block),
                f"after at most {max(sent) >> 10} KiB",
            )
        spent = sum(server.cpu_seconds() for server in self.servers) - sum(started)
        check("the servers are not affected", spent < 2, f"{spent:.2f} CPU-s")
        victim.check("CVE-2023-33953")

    @staticmethod
    def integer(value):
        encoded = b""
        while value >= 128:
            encoded += bytes([value % 128 + 128])
            value //= 128
        return encoded + bytes([value])

    @staticmethod
    def flood(caller, block):
        """Sends a header block in frames of 16 KiB. Returns the bytes sent before the connection was closed."""
        stream, sent = caller.take_stream(), 0
        try:
            caller.send(HeadersFrame(stream, block[:16384]))
            for sent in range(16384, len(block), 16384):
                caller.send(ContinuationFrame(stream, block[sent : sent + 16384]))
                if caller.closed_at is not None:
                    break
        except OSError:
            pass
        return sent

    def rapid_reset(self, victim):
        """CVE-2023-44487: calls that are reset immediately."""
        before = self.envoy.counters()
        opened = []
        for _ in range(8):
            caller = self.caller()
            try:
                for _ in range(2000):
                    caller.reset(caller.open(LIST))
            except OSError:
                pass
            caller.wait_closed(5)
            opened.append(caller.closed_at is not None)
        self.counted(
            "a connection that resets its calls is closed",
            f"{sum(opened)} of 8",
            all(opened),
            before,
            "envoy_http_downstream_rq_too_many_premature_resets",
            8,
        )
        threads = max(server.status("Threads") for server in self.servers)
        check("the servers have few threads", threads < 200, threads)
        victim.check("CVE-2023-44487")

    def silent_connections(self, victim):
        """CVE-2023-4785: more connections than the server has descriptors."""
        before, base = self.envoy.counters(), self.server_connections()
        silent = []
        for _ in range(1300):
            s = socket.socket()
            s.settimeout(2)
            try:
                s.connect(("127.0.0.1", self.envoy.port))
                silent.append(s)
            except OSError:
                s.close()
        time.sleep(1)
        active = self.envoy.connections()
        self.counted(
            f"connections beyond {MAX_CONNECTIONS} are closed",
            f"{active} of 1300 remain",
            active <= MAX_CONNECTIONS,
            before,
            "envoy_connection_limit_limited_connections",
            700,
        )
        check("the status port still answers", self.envoy.ready())
        check(
            "none of them reaches the servers",
            self.server_connections() <= base + 1,
            f"{self.server_connections()}, {base} before",
        )
        gone = wait_until(lambda: self.envoy.connections() < 50, 20, 0.5)
        self.counted(
            "connections without TLS are closed after 10 s",
            f"{self.envoy.connections()} left",
            gone,
            before,
            "envoy_listener_downstream_cx_transport_socket_connect_timeout",
            400,
        )
        for s in silent:
            s.close()
        check("new callers are served again", self.caller().call(LIST).get("grpc-status") == "0")
        victim.check("CVE-2023-4785")
