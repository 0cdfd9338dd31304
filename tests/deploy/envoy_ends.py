"""Servers that drain, exit and hang behind Envoy, the shutdown of Envoy itself, and its certificate."""

import signal
import socket
import ssl
import subprocess
import time

from checks import check, wait_until
from envoy_setup import LIST, WATCH


class Ends:
    """Part of envoy_test's Test."""

    def lose_servers(self):
        """One server drains and restarts, then the other is killed. Calls continue on the remaining one."""
        draining, dying = self.servers
        before = self.envoy.counters()
        errors, worst = self.call_on(lambda: draining.process.send_signal(signal.SIGTERM))
        fails = (
            self.envoy.counters()["envoy_cluster_health_check_failure"]
            - before["envoy_cluster_health_check_failure"]
        )
        # The server itself refuses calls that were in flight. Syncline's clients retry them.
        check(
            "a server that drains gets no new calls",
            len(errors) <= 20 and worst < 5,
            f"{len(errors)} refused {set(errors)}, the last after {worst:.1f} s; health_check_failure +{fails:.0f}",
        )
        check("the drained server exited with 0", draining.process.wait(40) == 0)
        draining.start()
        check(
            "a restarted server is healthy again",
            wait_until(lambda: self.envoy.counters()["envoy_cluster_membership_healthy"] == 3, 10),
        )
        before = self.envoy.counters()
        errors, worst = self.call_on(dying.process.kill)
        self.counted(
            "calls that did not reach a killed server go to another",
            f"{len(errors)} lost {set(errors)}",
            len(errors) <= 2,
            before,
            "envoy_cluster_upstream_rq_retry_success",
        )

    def pre_stop(self):
        """The pod's preStop command: callers get a GOAWAY and are served until they disconnect."""
        command = list(self.envoy.pre_stop)
        command[-1] = command[-1].replace("9901", str(self.envoy.admin_port)).replace("sleep 25", "true")
        before, caller = self.envoy.counters(), self.caller()
        caller.open(WATCH)
        run = subprocess.run(command, capture_output=True, text=True)
        check(
            "the pod's preStop command runs",
            run.returncode == 0 and "200 OK" in run.stdout,
            run.stdout + run.stderr,
        )
        answers = []

        def told():
            answers.append(caller.call(LIST).get("grpc-status"))
            return caller.goaway is not None

        asked = wait_until(told, 25, 0.2)
        self.counted(
            "a caller of a stopping Envoy gets a GOAWAY",
            f"{len(answers)} calls, all answered",
            asked and set(answers) == {"0"},
            before,
            "envoy_http_downstream_cx_drain_close",
        )

    def lose_all(self, quick):
        """A server that hangs, then no server at all."""
        left = self.servers[0]
        if not quick:
            before, caller = self.envoy.counters(), self.caller()
            call = caller.open(WATCH)
            caller.wait(lambda: caller.data, 5)
            left.process.send_signal(signal.SIGSTOP)
            started = time.monotonic()
            answer = caller.result(call, 60)
            self.counted(
                "a call to a server that hangs ends within 55 s",
                f"after {time.monotonic() - started:.1f} s {answer}",
                ":timeout" not in answer,
                before,
                "envoy_cluster_http2_keepalive_timeout",
            )
        left.process.kill()
        wait_until(lambda: self.envoy.counters()["envoy_cluster_membership_healthy"] == 1, 15)
        before, started = self.envoy.counters(), time.monotonic()
        answer = self.caller().call(LIST)
        self.counted(
            "without a server a call fails at once",
            f"{answer.get('grpc-message')}",
            answer.get("grpc-status") == "14" and time.monotonic() - started < 1,
            before,
            "envoy_cluster_upstream_cx_none_healthy",
        )

    def call_on(self, event):
        """Makes calls for 8 s after `event`. Returns the errors and the time of the last one."""
        caller, errors, last = self.caller(), [], 0.0
        caller.call(LIST)
        event()
        started = time.monotonic()
        while time.monotonic() - started < 8:
            answer = caller.call(LIST, timeout=5)
            if answer.get("grpc-status") != "0":
                errors.append(answer.get("grpc-message", str(answer)))
                last = time.monotonic() - started
                if ":closed" in answer:
                    caller = self.caller()
            time.sleep(0.05)
        return errors, last

    def new_certificate(self):
        before = self.envoy.counters()
        self.certificate.put("second")

        def served():
            context = ssl.create_default_context(cafile=self.certificate.path)
            context.set_alpn_protocols(["h2"])
            try:
                with socket.create_connection(("127.0.0.1", self.envoy.port)) as raw:
                    with context.wrap_socket(raw, server_hostname="localhost") as secure:
                        return secure.getpeercert()["subject"][0][0][1] == "second"
            except ssl.SSLError:
                return False

        self.counted(
            "a replaced certificate is served",
            "without a restart",
            wait_until(served, 15, 0.5),
            before,
            "envoy_listener_server_ssl_socket_factory_ssl_context_update_by_sds",
        )
