"""The address for which a server behind Envoy counts failed logins: --trust_forwarded_for."""

import os
import time

from checks import check, make_token
from envoy_setup import LIST, Envoy, Server

# The tries that failed_tries.cc answers at once, and two that are delayed by 1 s and 2 s.
TRIES = 7


class Tokens:
    """Part of envoy_test's Test."""

    def failed_tries(self):
        directory = f"{self.directory}/tokens"
        os.makedirs(directory)
        self.token = make_token(self.options.server, "honest", f"{directory}/tokens")
        for trust in (True, False):
            flags = ["--auth_token_file", f"{directory}/tokens"] + ["--trust_forwarded_for"] * trust
            server = Server(self.options.server, f"{self.directory}/dsn", directory, f"trust-{trust}", *flags)
            envoy = None
            try:
                envoy = Envoy(self.options.envoy, [server], self.certificate, directory)
                self.guess(envoy, trust)
            finally:
                for program in [server] + ([envoy] if envoy else []):
                    program.process.kill()
                    program.process.wait()

    def guess(self, envoy, trust):
        guesser, other = (self.caller(port=envoy.port, source=f"127.0.0.{n}") for n in (1, 2))
        waits = [self.try_token(guesser, "wrong") for _ in range(TRIES)]
        check("answers to failed tries are delayed", max(waits[:5]) < 0.9 < waits[5] < waits[6], self.seconds(waits))
        good = self.try_token(guesser, self.token, "0")
        check("a valid token is accepted at once", good < 0.9, self.seconds([good]))
        first = self.try_token(other, "wrong")
        if not trust:
            check("without --trust_forwarded_for all tries count for Envoy", first > 2, self.seconds([first]))
            return
        check("with --trust_forwarded_for they count for the caller", first < 0.9, self.seconds([first]))
        forged = [self.try_token(other, "wrong", "16", f"203.0.113.{n}") for n in range(TRIES - 1)]
        check("a caller that forges x-forwarded-for is still counted", max(forged) > 0.9, self.seconds(forged))

    @staticmethod
    def try_token(caller, token, status="16", forwarded_for=None):
        """Returns the duration of a call, which must end with `status`."""
        extra = [("authorization", f"Bearer {token}")]
        if forwarded_for:
            extra.append(("x-forwarded-for", forwarded_for))
        started = time.monotonic()
        answer = caller.call(LIST, extra, timeout=20)
        if answer.get("grpc-status") != status:
            check(f"the call ends with {status}", False, answer)
        return time.monotonic() - started

    @staticmethod
    def seconds(waits):
        return ", ".join(f"{wait:.1f}" for wait in waits) + " s"
