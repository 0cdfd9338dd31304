#!/usr/bin/env python3
"""The PyPI package singer-sdk, whose target tests the Singer target is checked with.

Nothing of it is copied into the project: this program installs it into a virtual environment under
var/, for which it needs a network. Tests only use what it has installed.
"""

import pathlib
import subprocess
import sys

PACKAGES = ["singer-sdk==0.54.9", "pytest==8.4.2"]
HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = HERE.parent.parent / "var" / "singer-sdk"


MADE = ENVIRONMENT / "complete"


def python():
    """Returns the interpreter of the environment, or None if it has not been made."""
    if MADE.exists() and MADE.read_text() == "\n".join(PACKAGES):
        return ENVIRONMENT / "bin" / "python3"
    print("singer-sdk is not installed: run tests/singer/singer_package.py", file=sys.stderr)
    return None


def install():
    subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    subprocess.run([ENVIRONMENT / "bin" / "pip", "install", "-q", *PACKAGES], check=True)
    MADE.write_text("\n".join(PACKAGES))


def streams():
    """Returns the files of the test streams by name."""
    found = ENVIRONMENT.glob("lib/python*/site-packages/singer_sdk/testing/target_test_streams/*.singer")
    return {path.stem: path for path in sorted(found)}


if __name__ == "__main__":
    install()
