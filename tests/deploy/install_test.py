"""Installs into a temporary prefix with `cmake --install` and checks the installed files.

  install_test.py --build BUILD_DIRECTORY

Manual pages are checked by mandoc and man, completions by bash, zsh and fish, the unit by systemd-analyze, if these
are installed.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PREFIX = None
INSTALLED = [
    "bin/syncline",
    "bin/syncline-server",
    "bin/target-syncline",
    "lib/systemd/system/syncline.service",
    "share/bash-completion/completions/syncline",
    "share/bash-completion/completions/syncline-server",
    "share/doc/syncline/README.md",
    "share/doc/syncline/docs/install.md",
    "share/doc/syncline/examples/syncline-server.env",
    "share/fish/vendor_completions.d/syncline-server.fish",
    "share/fish/vendor_completions.d/syncline.fish",
    "share/man/man1/syncline-server.1",
    "share/man/man1/syncline.1",
    "share/syncline/proto/google/rpc/error_details.proto",
    "share/syncline/proto/google/rpc/status.proto",
    "share/syncline/proto/syncline/v1/records.proto",
    "share/syncline/proto/syncline/v1/stream.proto",
    "share/syncline/proto/syncline/v1/sync_service.proto",
    "share/zsh/site-functions/_syncline",
    "share/zsh/site-functions/_syncline-server",
]
COMPLETIONS = {
    "syncline": [
        "share/bash-completion/completions/syncline",
        "share/fish/vendor_completions.d/syncline.fish",
        "share/zsh/site-functions/_syncline",
    ],
    "syncline-server": [
        "share/bash-completion/completions/syncline-server",
        "share/fish/vendor_completions.d/syncline-server.fish",
        "share/zsh/site-functions/_syncline-server",
    ],
}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read(path):
    return (PREFIX / path).read_text()


def help_of(*command):
    return run(PREFIX / "bin" / command[0], *command[1:], "--help")


def verbs():
    return re.findall(r"^  ([a-z]+) +\S", help_of("syncline"), re.MULTILINE)


def flags_of(*command):
    """Returns the flags listed by --help, with their choices if there are any."""
    lines = re.findall(r"^  --(\w+) ?(\S*)", help_of(*command), re.MULTILINE)
    return {name: value.split("|") if "|" in value else [] for name, value in lines}


def flags_of_program(program):
    if program == "syncline-server":
        return [("", flags_of(program))]
    return [(verb, flags_of(program, verb)) for verb in verbs()]


def bash_offers(program, *words):
    """Returns the completions that bash offers for the last of `words`, which are split as bash splits a line."""
    script = f"source {PREFIX}/share/bash-completion/completions/{program}\n"
    script += 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }\n'
    script += 'function=$(complete -p "$1" | grep -oP "(?<=-F )\\S+"); $function; printf "%s\\n" "${COMPREPLY[@]}"'
    return run("bash", "-c", script, "bash", program, *words).split()


class InstallTest(unittest.TestCase):
    def test_installs_exactly_the_list(self):
        files = {str(path.relative_to(PREFIX)) for path in PREFIX.rglob("*") if path.is_file()}
        documents = {name for name in files if name.startswith("share/doc/syncline/docs/")}
        self.assertEqual(set(INSTALLED) - files, set())
        self.assertEqual(files - documents - set(INSTALLED), set())
        pages = {f"share/doc/syncline/{page.relative_to(SOURCE)}" for page in (SOURCE / "docs").rglob("*.*")}
        self.assertEqual(documents, pages)

    def test_installed_programs_run(self):
        version = re.search(r"project\(syncline VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text())[1]
        for program in COMPLETIONS:
            self.assertEqual(run(PREFIX / "bin" / program, "--version"), f"{program} {version}\n")


class ManPageTest(unittest.TestCase):
    def test_names_every_verb_and_flag(self):
        for program in COMPLETIONS:
            page = read(f"share/man/man1/{program}.1").replace("\\-", "-")
            for verb, flags in flags_of_program(program):
                if verb:
                    self.assertIn(f"\n.SS {verb}", page)
                for flag in flags:
                    self.assertIn(f"\n\\fB--{flag}\\fR", page)
        self.assertIn("records were rejected", read("share/man/man1/syncline.1"))

    def test_has_no_warnings(self):
        for program in COMPLETIONS:
            page = PREFIX / f"share/man/man1/{program}.1"
            for checker in (["mandoc", "-Tlint"], ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8"]):
                if shutil.which(checker[0]) is None:
                    continue
                result = subprocess.run([*checker, page], capture_output=True, text=True)
                output = result.stdout if checker[0] == "mandoc" else result.stderr
                self.assertEqual((result.returncode, output), (0, ""), page)


class CompletionTest(unittest.TestCase):
    def test_names_every_verb_flag_and_choice(self):
        for program, files in COMPLETIONS.items():
            for file in files:
                text = read(file)
                for verb, flags in flags_of_program(program):
                    words = [verb] if verb else []
                    for flag, choices in flags.items():
                        words += [f"-l {flag} " if file.endswith(".fish") else f"--{flag}", *choices]
                    for word in words:
                        self.assertIn(word, text, f"{file}: {verb}")

    def test_bash_loads_them(self):
        for program in COMPLETIONS:
            file = PREFIX / f"share/bash-completion/completions/{program}"
            self.assertIn(f" {program}\n", run("bash", "-c", f"source {file}; complete -p {program}"))

    def test_bash_offers_verbs_flags_and_values(self):
        self.assertEqual(set(bash_offers("syncline", "")), {*verbs(), "help", "--help", "--version"})
        self.assertEqual(bash_offers("syncline", "rej"), ["rejected"])
        for verb in verbs():
            flags = {f"--{flag}" for flag in flags_of("syncline", verb)}
            self.assertEqual(set(bash_offers("syncline", verb, "--")), flags | {"--help"})
        self.assertEqual(bash_offers("syncline", "load", "--mode", ""), ["append", "overwrite", "dedup"])
        self.assertEqual(bash_offers("syncline", "load", "--mode", "=", "o"), ["overwrite"])
        self.assertEqual(bash_offers("syncline", "load", "--mode", "="), ["append", "overwrite", "dedup"])
        self.assertEqual(bash_offers("syncline", "rejected", "x", "--output", "json"), ["json", "jsonl"])
        self.assertEqual(bash_offers("syncline", "list", "--output", "json"), ["json"])
        self.assertEqual(bash_offers("syncline", "load", "--writer_id", ""), [])
        self.assertEqual(bash_offers("syncline", "load", f"{SOURCE}/CMakeL"), [f"{SOURCE}/CMakeLists.txt"])
        self.assertEqual(bash_offers("syncline-server", "--log_l"), ["--log_level"])
        self.assertEqual(bash_offers("syncline-server", "--log_level", "=", "w"), ["warning"])
        self.assertIn(str(SOURCE / "docs"), bash_offers("syncline-server", "--embedded_postgres", f"{SOURCE}/do"))
        self.assertEqual(bash_offers("syncline-server", "--embedded_postgres", f"{SOURCE}/CMakeL"), [])

    def test_shells_parse_them(self):
        for files in COMPLETIONS.values():
            for file, shell in zip(files, ("bash", "fish", "zsh")):
                if shutil.which(shell) is not None:
                    run(shell, "-n", PREFIX / file)

    @unittest.skipIf(shutil.which("zsh") is None, "zsh is not installed")
    def test_zsh_finds_them(self):
        script = f"fpath=({PREFIX}/share/zsh/site-functions $fpath); autoload -U compinit; compinit -u -D; "
        for program in COMPLETIONS:
            self.assertEqual(run("zsh", "-f", "-c", script + f"print $_comps[{program}]"), f"_{program}\n")

    @unittest.skipIf(shutil.which("fish") is None, "fish is not installed")
    def test_fish_offers_values(self):
        for line, expected in {
            "syncline rej": {"rejected"},
            "syncline load --mode ": {"append", "overwrite", "dedup"},
            "syncline rejected x --output ": {"text", "json", "jsonl"},
            "syncline-server --log_level=": {f"--log_level={level}" for level in ("debug", "info", "warning", "error")},
        }.items():
            program = line.split()[0]
            script = f'source {PREFIX}/share/fish/vendor_completions.d/{program}.fish; complete -C "{line}"'
            output = run("fish", "--no-config", "-c", script).splitlines()
            self.assertEqual({row.split("\t")[0] for row in output}, expected, line)


class UnitTest(unittest.TestCase):
    def setUp(self):
        self.unit = read("lib/systemd/system/syncline.service")
        self.environment = read("share/doc/syncline/examples/syncline-server.env")

    def test_starts_the_installed_program(self):
        self.assertIn(f"\nExecStart={PREFIX}/bin/syncline-server\n", self.unit)

    def test_variables_are_flags(self):
        known = {f"SYNCLINE_{flag.upper()}" for flag in flags_of("syncline-server")}
        named = re.findall(r"^(?:Environment=|#)(SYNCLINE_\w+)=", self.unit + self.environment, re.MULTILINE)
        self.assertGreater(len(named), 5)
        self.assertLessEqual(set(named), known)

    def test_stop_timeout_allows_a_drain(self):
        drain = int(re.search(r"--drain_deadline .*\((\d+)s\)", help_of("syncline-server"))[1])
        stop = int(re.search(r"^TimeoutStopSec=(\d+)s$", self.unit, re.MULTILINE)[1])
        watchdog = 5
        self.assertGreater(stop, drain + watchdog)

    @unittest.skipIf(shutil.which("systemd-analyze") is None, "systemd-analyze is not installed")
    def test_systemd_accepts_it_as_hardened(self):
        unit = PREFIX / "lib/systemd/system/syncline.service"
        verified = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
        about_it = [line for line in verified.stderr.splitlines() if "syncline" in line]
        self.assertEqual(about_it, [])
        # The exposure score in tenths. An unhardened service has about 96.
        run("systemd-analyze", "security", "--offline=yes", "--threshold=15", unit)


def main():
    global PREFIX
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    options, rest = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        PREFIX = pathlib.Path(scratch, "prefix")
        run("cmake", "--install", options.build, "--prefix", PREFIX)
        unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
