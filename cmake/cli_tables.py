"""The verbs and flags of the two programs, as their --help shows them: its texts come from the programs' own tables."""

import re
import subprocess
from dataclasses import dataclass, field

_FLAG = re.compile(r"^  --(?P<name>\w+)(?: (?P<value>\S+))?  +(?P<help>.*)$")
_VERB = re.compile(r"^  (?P<name>[a-z]+)  *(?P<summary>\S.*)$")


@dataclass(frozen=True)
class Flag:
    name: str
    value: str  # such as FILE; empty for a switch
    help: str

    @property
    def choices(self):
        return self.value.split("|") if "|" in self.value else []

    @property
    def takes_file(self):
        return self.value == "FILE"

    @property
    def takes_directory(self):
        return self.value == "DIR"


@dataclass
class Verb:
    name: str
    summary: str
    arguments: list
    details: str
    flags: list = field(default_factory=list)

    @property
    def takes_files(self):
        return "FILE..." in self.arguments


@dataclass
class Client:
    version: str
    summary: str
    exit_codes: list  # (code, meaning)
    verbs: list


@dataclass
class Server:
    version: str
    summary: str
    notes: str
    examples: list
    flags: list
    requests: list  # flags that make the server print something and exit


def _run(binary, *arguments):
    return subprocess.run([binary, *arguments], check=True, capture_output=True, text=True).stdout


def _version(binary):
    return _run(binary, "--version").split()[1]


def _flags(text):
    """Every line that looks like a flag must be one: a line that the pattern misses would be left out silently."""
    lines = [line for line in text.splitlines() if line.startswith("  --")]
    found = [_FLAG.match(line) for line in lines]
    for line, match in zip(lines, found):
        if match is None:
            raise ValueError(f"not a line of a flag: {line}")
    return [Flag(match["name"], match["value"] or "", match["help"]) for match in found]


def _read_verb(binary, name, summary):
    text = _run(binary, name, "--help")
    usage, _, rest = text.partition("\n")
    body, _, flags = rest.partition("\nflags (")
    details = body.strip().removeprefix(summary).strip()
    arguments = [word for word in usage.split()[3:] if word != "[FLAGS]"]
    return Verb(name, summary, arguments, details, _flags(flags))


def read_client(binary):
    text = _run(binary, "--help")
    verbs = [match for match in map(_VERB.match, text.splitlines()) if match]
    exit_codes = re.findall(r"(\d+) ([^,.]+)[,.]", text.partition("Exit codes: ")[2])
    if not verbs or not exit_codes:
        raise ValueError("the client's help has no verbs or no exit codes")
    return Client(
        _version(binary),
        text.splitlines()[0],
        exit_codes,
        [_read_verb(binary, match["name"], match["summary"]) for match in verbs],
    )


def read_server(binary):
    text = _run(binary, "--help")
    settings, heading, requests = text.partition("\nInstead of serving:\n")
    if not heading:
        raise ValueError("the server's help does not tell flags from requests")
    head = settings.partition("\n  --")[0].strip().split("\n\n")
    summary = head[0].partition(": ")[2]
    examples = [tuple(re.split(r"  +", line.strip(), maxsplit=1)) for line in head[1].splitlines()]
    return Server(_version(binary), summary, " ".join(head[2].split()), examples, _flags(settings), _flags(requests))
