"""Requests that Envoy refuses: headers, paths, and anything but HTTP/2 over TLS."""

import socket
import ssl
import urllib.error
import urllib.request

from checks import check
from envoy_setup import CHECK, LIST, MAX_HEADER_BYTES, MAX_HEADERS


class Limits:
    """Part of envoy_test's Test."""

    def headers(self):
        before = self.envoy.counters()
        fits = self.caller().call(LIST, [("x-large", "a" * (MAX_HEADER_BYTES - 700))])
        check("headers of 6.3 KiB pass", fits.get("grpc-status") == "0", fits)
        answer = self.caller().call(LIST, [("x-large", "a" * MAX_HEADER_BYTES)])
        self.counted(
            "headers over 7 KiB are refused",
            answer,
            ":reset" in answer,
            before,
            "envoy_http2_header_list_size_too_large",
        )
        split = [(f"x-part-{i}", "a" * 700) for i in range(12)]
        answer = self.caller().call(LIST, split)
        check("headers over 7 KiB in total are refused", ":reset" in answer, answer)
        fits = self.caller().call(LIST, [(f"x-{i}", "a") for i in range(MAX_HEADERS - 10)])
        check("60 headers pass", fits.get("grpc-status") == "0", fits)
        answer = self.caller().call(LIST, [(f"x-{i}", "a") for i in range(MAX_HEADERS)])
        self.counted(
            "more than 64 headers are refused",
            answer,
            ":reset" in answer,
            before,
            "envoy_http2_header_overflow",
        )
        answer = self.caller().call(LIST, [("x_y", "a")])
        self.counted(
            "underscores in header names are refused",
            answer,
            ":reset" in answer or ":closed" in answer,
            before,
            "envoy_http2_requests_rejected_with_underscores_in_headers",
        )
        caller = self.caller()
        answer = caller.call(LIST, [("X-Upper", "a")])
        self.counted(
            "a malformed header closes the connection that sent it",
            answer,
            caller.wait_closed(5),
            before,
            "envoy_http2_rx_messaging_error",
        )

    def paths(self):
        before = self.envoy.counters()
        answer = self.caller().call("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        self.counted(
            "calls of other services are not forwarded",
            answer,
            answer.get("grpc-status") == "12",
            before,
            "envoy_http_no_route",
        )
        answer = self.caller().call(CHECK)
        check("calls of the health service are forwarded", answer.get("grpc-status") == "0", answer)
        for method, path in (
            ("GET", "/stats"),
            ("GET", "/config_dump"),
            ("POST", "/quitquitquit"),
            ("POST", "/ready"),
        ):
            request = urllib.request.Request(
                f"http://127.0.0.1:{self.envoy.status_port}{path}", method=method
            )
            try:
                code = urllib.request.urlopen(request, timeout=5).status
            except urllib.error.HTTPError as error:
                code = error.code
            check(f"the status port does not forward {method} {path}", code == 404, code)
        half_sent = []
        for _ in range(50):
            half_sent.append(socket.create_connection(("127.0.0.1", self.envoy.status_port)))
            half_sent[-1].sendall(b"GET /rea")
        check("half-sent requests do not block the status port", self.envoy.ready())

    def tls(self):
        before = self.envoy.counters()
        try:
            self.caller(maximum_version=ssl.TLSVersion.TLSv1_1)
            refused = False
        except (ssl.SSLError, OSError) as error:
            refused = str(error)
        self.counted(
            "TLS 1.1 is refused", refused, bool(refused), before, "envoy_listener_ssl_connection_error"
        )
        before = self.envoy.counters()
        context = ssl.create_default_context(cafile=self.certificate.path)
        with socket.create_connection(("127.0.0.1", self.envoy.port)) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as secure:
                secure.settimeout(5)
                secure.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                answer = secure.recv(100)
        self.counted(
            "HTTP/1.1 is refused",
            answer[:9],
            b"HTTP/1.1 2" not in answer,
            before,
            "envoy_http_downstream_cx_protocol_error",
        )
        with socket.create_connection(("127.0.0.1", self.envoy.port)) as raw:
            raw.settimeout(5)
            raw.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            try:
                answer = raw.recv(100)
            except OSError:
                answer = b""
        check("plaintext is refused", answer[:1] in (b"", b"\x15"), answer)
