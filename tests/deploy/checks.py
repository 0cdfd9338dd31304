"""What the deployment tests share: the results of their checks, reserved ports, bounded waits, certificates and tokens."""

import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from reserved_port import reserve_port  # noqa: E402, F401

passed = []
failed = []


def check(name, condition, detail="", otherwise=""):
    """Notes and prints the result of a check, with `detail` after its name. `otherwise` is the detail of a failure."""
    (passed if condition else failed).append(name)
    detail = detail if condition or otherwise == "" else otherwise
    print(f"{'ok  ' if condition else 'FAIL'} {name}{': ' if detail != '' else ''}{detail}", flush=True)


def summary(test):
    """Prints the number of checks as the last line of `test`. Returns its exit code."""
    print(f"{test}: {len(passed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def wait_until(condition, timeout, pause=0.05):
    """Waits up to `timeout` seconds. Returns whether `condition` became true."""
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def make_certificate(path, name="localhost"):
    """Creates a self-signed certificate of `name` for loopback: `path`.crt and `path`.key."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-keyout", f"{path}.key", "-out", f"{path}.crt", "-subj", f"/CN={name}"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)


def make_token(server, name, path):
    """Writes a token file to `path` with the program `server`. Returns the token."""
    made = subprocess.run([server, "--make_token", name], check=True, capture_output=True, text=True)
    with open(path, "w") as file:
        file.write(made.stdout)
    return re.search(r": (\S+)$", made.stderr, re.MULTILINE).group(1)
