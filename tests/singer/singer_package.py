"""The PyPI package singer-sdk, whose target tests the Singer target is checked with.

Nothing of it is copied into the project: it is installed into a virtual environment under var/.
"""

import pathlib
import subprocess
import sys

PACKAGES = ["singer-sdk==0.54.9", "pytest==8.4.2"]
HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = HERE.parent.parent / "var" / "singer-sdk"


def python():
    """Returns the interpreter of the environment, which is made if it is missing, or None if it
    cannot be made, such as without a network."""
    interpreter = ENVIRONMENT / "bin" / "python3"
    made = ENVIRONMENT / "complete"
    if made.exists() and made.read_text() == "\n".join(PACKAGES):
        return interpreter
    try:
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        subprocess.run([ENVIRONMENT / "bin" / "pip", "install", "-q", *PACKAGES], check=True)
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"singer-sdk cannot be installed: {error}", file=sys.stderr)
        return None
    made.write_text("\n".join(PACKAGES))
    return interpreter


def streams():
    """Returns the files of the test streams by name."""
    found = ENVIRONMENT.glob("lib/python*/site-packages/singer_sdk/testing/target_test_streams/*.singer")
    return {path.stem: path for path in sorted(found)}
