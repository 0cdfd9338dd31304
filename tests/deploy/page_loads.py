"""The data for page_test.py: a server with its tokens, and one load of each kind that the page distinguishes."""

import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request

from checks import check, make_token, reserve_port, wait_until

# Approximate records per second of the running load.
RECORDS_A_SECOND = 2000


class Server:
    def __init__(self, options, name, dsn):
        self.options, self.directory = options, f"{options.directory}/{name}"
        os.mkdir(self.directory)
        self.token = make_token(options.server, "person", self.file("tokens"))
        self.write("dsn", dsn)
        self.port, metrics_port = reserve_port(), reserve_port()
        self.page = f"http://127.0.0.1:{metrics_port}/"
        arguments = [options.server, "--listen", f"127.0.0.1:{self.port}", "--postgres_dsn_file", self.file("dsn")]
        arguments += ["--metrics_listen", f"127.0.0.1:{metrics_port}", "--metrics_token_file", self.file("tokens")]
        self.process = subprocess.Popen(arguments, stderr=open(self.file("log"), "w"))
        wait_until(lambda: self.answer("healthz")[0] == 200 or self.process.poll() is not None, 60)
        if self.answer("healthz")[0] != 200:
            raise SystemExit("page-test: the server does not start: " + open(self.file("log")).read())

    def file(self, name):
        return f"{self.directory}/{name}"

    def write(self, name, text):
        with open(self.file(name), "w") as file:
            file.write(text)

    def answer(self, path, authorization=None):
        request = urllib.request.Request(self.page + path)
        if authorization:
            request.add_header("Authorization", authorization)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def stop(self):
        self.process.kill()
        self.process.wait()


class Loads:
    def __init__(self, options, server):
        self.options, self.server, self.going = options, server, True
        server.write(
            "schema.json",
            json.dumps(
                {
                    "type": "object",
                    "properties": {
                        "id": {"type": "integer"},
                        "customer": {"type": "string"},
                        "amount": {"type": "integer"},
                    },
                }
            ),
        )

    def command(self, verb, *arguments):
        return [self.options.client, verb, *arguments]

    def load(self, source, sync_id, table, *arguments):
        words = ["--table", table, "--sync_id", sync_id, "--server", f"127.0.0.1:{self.server.port}", "--format"]
        words += ["jsonl", "--schema", self.server.file("schema.json"), *arguments]
        return self.command("load", source, *words)

    def record(self, i):
        return json.dumps({"id": i, "customer": f"customer {i}", "amount": i * 7}) + "\n"

    def finish(self, sync_id, table, lines, *arguments):
        self.server.write("records.jsonl", "".join(lines))
        command = self.load(self.server.file("records.jsonl"), sync_id, table, *arguments)
        run = subprocess.run(command, capture_output=True, text=True)
        check(f"the load {sync_id} succeeds", run.returncode == 0, run.stderr.strip()[-300:] if run.returncode else "")

    def sql(self, statement):
        command = [self.options.psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.options.dsn, "-c", statement]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def finish_all(self):
        clean = [self.record(i) for i in range(20000)]
        # Replaced twice, so that the generation is 2.
        for day in ("2026-11-24", "2026-11-25"):
            self.finish(f"nightly-customers-{day}", "shop.customers", clean, "--mode", "overwrite")
        untidy = clean[:5000] + ['{"id": 1, "customer": \n'] * 3 + ['{"id": 2, "amount": "a lot"}\n'] * 12
        self.finish("web-orders-2026-11-25", "shop.web_orders", untidy, "--allow_rejected")

    def fail_one_stream(self):
        """Loads two streams, one of which fails because its table is a view."""
        self.sql("CREATE VIEW shop.invoices AS SELECT 1 AS id")
        streams, messages = [], []
        for name in ("payments", "invoices"):
            schema = {"type": "object", "properties": {"id": {"type": "integer"}}}
            described = {"name": name, "json_schema": schema, "supported_sync_modes": ["full_refresh"]}
            streams.append({"stream": described, "sync_mode": "full_refresh", "destination_sync_mode": "append"})
            record = {"stream": name, "data": {"id": 1}, "emitted_at": 1760000000000}
            messages.append({"type": "RECORD", "record": record})
            ended = {"stream_descriptor": {"name": name}, "status": "COMPLETE"}
            trace = {"type": "STREAM_STATUS", "emitted_at": 1760000000000.0, "stream_status": ended}
            messages.append({"type": "TRACE", "trace": trace})
        self.server.write("catalog.json", json.dumps({"streams": streams}))
        config = {"server": f"127.0.0.1:{self.server.port}", "schema": "shop"}
        self.server.write("config.json", json.dumps(config))
        files = ["--config", self.server.file("config.json"), "--catalog", self.server.file("catalog.json")]
        run = subprocess.run(
            self.command("write", *files, "--sync_id", "airbyte-billing-2026-11-25"),
            input="".join(json.dumps(message) + "\n" for message in messages),
            capture_output=True,
            text=True,
        )
        check("the load with a stream that cannot start fails", run.returncode == 1, run.returncode)

    def interrupt(self):
        """Kills a caller. Its last progress is set back by 7 minutes instead of waiting for them."""
        process = subprocess.Popen(self.load("-", "stock-2026-11-25", "shop.stock"), stdin=subprocess.PIPE, text=True)
        process.stdin.write("".join(self.record(i) for i in range(3000)))
        process.stdin.flush()
        time.sleep(4)
        process.kill()
        process.wait()
        process.stdin.close()
        self.sql(
            "UPDATE syncline.writer SET updated_at = now() - interval '7 minutes' WHERE stream_no IN (SELECT stream_no"
            " FROM syncline.stream JOIN syncline.sync USING (sync_no) WHERE sync_id = 'stock-2026-11-25')"
        )

    def keep_running(self):
        command = self.load("-", "clicks-2026-11-26", "shop.clicks")
        self.running = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

        def feed():
            i = 0
            next_at = time.monotonic()
            while self.going:
                self.running.stdin.write("".join(self.record(i + j) for j in range(RECORDS_A_SECOND // 10)))
                self.running.stdin.flush()
                i += RECORDS_A_SECOND // 10
                next_at += 0.1
                time.sleep(max(0, next_at - time.monotonic()))
            self.running.stdin.close()

        self.feeder = threading.Thread(target=feed, daemon=True)
        self.feeder.start()

    def end_running(self):
        self.going = False
        self.feeder.join()
        return self.running.wait(60)
