"""A headless Chromium and its tabs, controlled over the DevTools protocol, for page_test.py."""

import base64
import http.client
import json
import os
import socket
import struct
import subprocess
import time
import urllib.parse

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10


class WebSocket:
    """A WebSocket client with the features that DevTools needs: text messages, no extensions, no TLS."""

    def __init__(self, url):
        place = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((place.hostname, place.port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.decode(errors="replace"))

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the browser closed the connection")
        return data

    def take(self, size):
        while len(self.rest) < size:
            self.rest += self.more()
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def send(self, payload, kind=TEXT):
        mask = os.urandom(4)
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | kind, 0x80 | 127, size)
        self.socket.sendall(head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def receive(self, timeout):
        """Returns a complete message, or None if none begins within the timeout."""
        if not self.rest:
            self.socket.settimeout(max(timeout, 0.001))
            try:
                self.rest = self.more()
            except TimeoutError:
                return None
        self.socket.settimeout(30)
        message = b""
        while True:
            first, second = self.take(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self.take(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self.take(8))
            payload = self.take(size)
            kind = first & 0x0F
            if kind == PING:
                self.send(payload, PONG)
            elif kind == CLOSE:
                raise ConnectionError("the browser closed the connection")
            else:
                message += payload
                if first & 0x80:
                    return message


class Browser:
    def __init__(self, binary, directory):
        self.profile = f"{directory}/profile"
        arguments = [binary, "--headless", "--remote-debugging-port=0", f"--user-data-dir={self.profile}"]
        arguments += ["--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]
        # Chromium's sandbox does not work as root.
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        self.log = open(f"{directory}/chromium.log", "w")
        self.process = subprocess.Popen(arguments + ["about:blank"], stdout=self.log, stderr=self.log)
        self.port = self.wait_for_port()

    def wait_for_port(self):
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with open(f"{self.profile}/DevToolsActivePort") as file:
                    return int(file.readline())
            except (OSError, ValueError):
                time.sleep(0.1)
        raise SystemExit(f"page-test: Chromium does not start, see {self.log.name}")

    def tab(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("PUT", "/json/new?about:blank")
        return Tab(json.load(connection.getresponse())["webSocketDebuggerUrl"])

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Tab:
    """One tab. `requests` has the URLs that it requested, `faults` the errors and warnings of its console."""

    def __init__(self, url):
        self.socket, self.last, self.requests, self.faults = WebSocket(url), 0, [], []
        self.password, self.asked = None, 0
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Fetch.enable", handleAuthRequests=True)

    def post(self, method, **parameters):
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": parameters}).encode())
        return self.last

    def call(self, method, **parameters):
        number = self.post(method, **parameters)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            message = self.next(end - time.monotonic())
            if message and message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']['message']}")
                return message["result"]
        raise TimeoutError(method)

    def next(self, timeout):
        data = self.socket.receive(timeout)
        if data is None:
            return None
        message = json.loads(data)
        if "method" in message:
            self.heed(message["method"], message["params"])
        return message

    def heed(self, event, what):
        if event == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.faults.append(what["exceptionDetails"]["text"])
        elif event == "Runtime.consoleAPICalled" and what["type"] in ("error", "warning"):
            self.faults.append(str(what["args"]))
        elif event == "Log.entryAdded" and what["entry"]["level"] in ("error", "warning"):
            self.faults.append(what["entry"]["text"])
        elif event == "Fetch.requestPaused":
            self.post("Fetch.continueRequest", requestId=what["requestId"])
        elif event == "Fetch.authRequired":
            self.asked += 1
            answer = {"response": "CancelAuth"}
            if self.password is not None:
                answer = {"response": "ProvideCredentials", "username": "me", "password": self.password}
            self.post("Fetch.continueWithAuth", requestId=what["requestId"], authChallengeResponse=answer)

    def wait(self, seconds):
        """Processes events of the page for `seconds`."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.next(end - time.monotonic())

    def wait_until(self, condition, timeout):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            self.wait(0.2)
        return True

    def open(self, url):
        """Opens a page. The login prompt is answered with `password`, or cancelled if that is None."""
        self.call("Page.navigate", url=url)
        self.wait_until(lambda: self.run("document.readyState") == "complete", 20)

    def run(self, expression):
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def look_like(self, width, height, phone, dark):
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path):
        """Saves an image of the whole page, not only of the visible part."""
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(answer["data"]))
