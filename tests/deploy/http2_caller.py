"""One HTTP/2 connection over TLS, frame by frame: a client that may violate the protocol.

For use by one thread. An internal thread reads the responses.
"""

import select
import socket
import ssl
import threading
import time

import hpack
from hyperframe.frame import (
    Frame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SERVICE = "/syncline.v1.SyncService/"
# A gRPC message without any field.
EMPTY_MESSAGE = b"\0\0\0\0\0"


class Http2Caller:
    def __init__(self, port, ca_file, alpn=("h2",), answer_pings=True, maximum_version=None, source=None):
        context = ssl.create_default_context(cafile=ca_file)
        context.set_alpn_protocols(list(alpn))
        if maximum_version is not None:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.maximum_version = maximum_version
        address = (source, 0) if source else None
        raw = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=address)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(raw, server_hostname="localhost")
        self.socket.setblocking(False)
        # OpenSSL allows one call on a connection at a time.
        self.tls_lock = threading.Lock()
        self.send_lock = threading.Lock()
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.answer_pings = answer_pings
        self.lock = threading.Condition()
        self.settings = {}
        self.headers = {}  # stream -> list of header blocks, decoded
        self.data = {}  # stream -> bytes
        self.ended = {}  # stream -> "end" or the code of RST_STREAM
        self.goaway = None
        self.closed_at = None
        self.next_stream = 1
        self.send(PREFACE, SettingsFrame(0), WindowUpdateFrame(0, window_increment=1 << 24))
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def send(self, *parts):
        rest = memoryview(b"".join(p if isinstance(p, bytes) else p.serialize() for p in parts))
        with self.send_lock:
            while rest:
                try:
                    with self.tls_lock:
                        rest = rest[self.socket.send(rest[:16384]) :]
                except ssl.SSLWantWriteError:
                    select.select([], [self.socket], [], 20)

    def _receive(self):
        """Returns received bytes, or an empty string at the end."""
        while True:
            try:
                with self.tls_lock:
                    return self.socket.recv(65536)
            except ssl.SSLWantReadError:
                select.select([self.socket], [], [])

    def request_headers(self, path, extra=()):
        return [
            (":method", "POST"),
            (":scheme", "https"),
            (":path", path),
            (":authority", "localhost"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            *extra,
        ]

    def open(self, path, extra=(), message=EMPTY_MESSAGE, end=True):
        """Opens a call and returns its stream. If `message` is None, only the headers are sent."""
        stream = self.take_stream()
        headers = HeadersFrame(
            stream, self.encoder.encode(self.request_headers(path, extra)), flags=["END_HEADERS"]
        )
        parts = [headers]
        if message is not None:
            parts.append(DataFrame(stream, message, flags=["END_STREAM"] if end else []))
        self.send(*parts)
        return stream

    def take_stream(self):
        stream = self.next_stream
        self.next_stream += 2
        return stream

    def reset(self, stream):
        self.send(RstStreamFrame(stream, error_code=8))

    def _read(self):
        buffer = b""
        try:
            while True:
                piece = self._receive()
                if not piece:
                    break
                buffer += piece
                while len(buffer) >= 9:
                    frame, length = Frame.parse_frame_header(memoryview(buffer[:9]))
                    if len(buffer) < 9 + length:
                        break
                    frame.parse_body(memoryview(buffer[9 : 9 + length]))
                    buffer = buffer[9 + length :]
                    self._take(frame)
        except (OSError, ValueError):
            pass
        with self.lock:
            self.closed_at = time.monotonic()
            self.lock.notify_all()

    def _take(self, frame):
        kind = type(frame).__name__
        # Answered before waiting threads see it: after the settings, they may send a partial frame.
        if kind == "SettingsFrame" and "ACK" not in frame.flags:
            self.send(SettingsFrame(0, flags=["ACK"]))
        elif kind == "PingFrame" and "ACK" not in frame.flags and self.answer_pings:
            self.send(PingFrame(0, opaque_data=frame.opaque_data, flags=["ACK"]))
        with self.lock:
            if kind == "SettingsFrame" and "ACK" not in frame.flags:
                self.settings.update(frame.settings)
            elif kind == "HeadersFrame":
                self.headers.setdefault(frame.stream_id, []).append(dict(self.decoder.decode(frame.data)))
            elif kind == "DataFrame":
                self.data[frame.stream_id] = self.data.get(frame.stream_id, b"") + frame.data
            elif kind == "RstStreamFrame":
                self.ended[frame.stream_id] = frame.error_code
            elif kind == "GoAwayFrame":
                self.goaway = frame.error_code
            if "END_STREAM" in frame.flags:
                self.ended[frame.stream_id] = "end"
            self.lock.notify_all()

    def wait(self, condition, timeout):
        """Returns whether `condition()` became true in time."""
        with self.lock:
            return self.lock.wait_for(condition, timeout)

    def wait_settings(self, timeout=5):
        return self.wait(lambda: self.settings, timeout)

    def wait_closed(self, timeout):
        return self.wait(lambda: self.closed_at is not None, timeout)

    def result(self, stream, timeout=10):
        """Waits for the end of a call. Returns all header fields of its response in one dictionary, with ":reset" as
        the code of a reset, ":timeout" if it did not end, or ":closed" if the connection was closed."""
        self.wait(lambda: stream in self.ended or self.closed_at is not None, timeout)
        with self.lock:
            fields = {}
            for block in self.headers.get(stream, []):
                fields.update(block)
            if stream in self.ended and self.ended[stream] != "end":
                fields[":reset"] = self.ended[stream]
            elif stream not in self.ended:
                fields[":closed" if self.closed_at is not None else ":timeout"] = True
            return fields

    def call(self, path, extra=(), message=EMPTY_MESSAGE, timeout=10):
        return self.result(self.open(path, extra, message), timeout)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        # The reader must have ended before the next connection reuses this descriptor.
        self.reader.join()
        self.socket.close()
