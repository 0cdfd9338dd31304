"""The Singer target as a class, for the in-process runner of the Singer SDK's target tests.

The class collects the messages, runs the program with them, prints what it prints, and maps its exit
code and reason to the exceptions of the SDK. SYNCLINE_CLIENT names the program.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

from singer_sdk import exceptions, typing
from singer_sdk.target_base import Target

EXCEPTIONS = {
    "SINGER_NO_KEY": exceptions.MissingKeyPropertiesError,
    "SINGER_NO_SCHEMA": exceptions.RecordsWithoutSchemaException,
    "SINGER_NO_PROPERTIES": exceptions.InvalidJSONSchema,
}


def run(arguments, text=""):
    return subprocess.run(
        [os.environ["SYNCLINE_CLIENT"], "singer", *arguments], input=text.encode(), capture_output=True, check=False
    )


class SynclineTarget(Target):
    name = "target-syncline"
    config_jsonschema = typing.PropertiesList().to_dict()

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.lines = []

    def process_lines(self, file_input):
        self.lines.extend(line if line.endswith("\n") else line + "\n" for line in file_input)

    def process_endofpipe(self):
        with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
            # The SDK adds the default of a setting of its own targets.
            settings = {name: value for name, value in self.config.items() if name != "validate_records"}
            json.dump(settings, config)
            config.flush()
            done = run(["--config", config.name], "".join(self.lines))
        sys.stdout.write(done.stdout.decode())
        words = done.stderr.decode()
        sys.stderr.write(words)
        if done.returncode == 0:
            return
        reason = re.search(r"\((SINGER_[A-Z_]+)\)", words)
        raise EXCEPTIONS.get(reason.group(1) if reason else "", exceptions.FatalSyncError)(words)

    @classmethod
    def print_version(cls, print_fn=print):
        print_fn(run(["--version"]).stdout.decode().strip())

    @classmethod
    def print_about(cls, output_format=None):
        print(run(["--about", "--format", output_format or "text"]).stdout.decode().strip())
