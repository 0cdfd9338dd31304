"""Checks scripts without what they need: a stub stands for each program that they call.

  scripts_test.py
"""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BASICS = ["bash", "cat", "dirname", "env", "grep", "head", "mkdir", "mktemp", "rm", "sed", "tail"]


class ScriptsTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        self.bin = self.root / "bin"
        self.bin.mkdir()
        for name in BASICS:
            (self.bin / name).symlink_to(shutil.which(name))

    def add_program(self, name, text):
        (self.bin / name).write_text(f"#!{self.bin}/bash\n{text}\n")
        (self.bin / name).chmod(0o755)

    def run_with(self, *command):
        environment = {"PATH": str(self.bin), "HOME": str(self.root), "TMPDIR": str(self.root)}
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True)

    def configure(self):
        """Returns the arguments with which build_preset calls cmake first."""
        self.add_program("cmake", f'echo "$*" >>"{self.root}/calls"')
        result = self.run_with("bash", "-c", f"source {SOURCE}/scripts/build.sh && build_preset release")
        self.assertEqual(result.returncode, 0, result.stderr)
        return (self.root / "calls").read_text().splitlines()[-2]

    def test_build_forgets_removed_programs(self):
        for name in ("ccache", "mold"):
            self.add_program(name, "")
        first = self.configure()
        self.assertIn("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache ", first)
        self.assertIn("-DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=mold", first)
        for name in ("ccache", "mold"):
            (self.bin / name).unlink()
        second = self.configure()
        self.assertIn("-DCMAKE_CXX_COMPILER_LAUNCHER= ", second)
        linkers = "-DCMAKE_EXE_LINKER_FLAGS= -DCMAKE_SHARED_LINKER_FLAGS="
        self.assertTrue(second.endswith(linkers), second)

    def test_examples_without_any_toolchain(self):
        result = self.run_with(SOURCE / "scripts" / "examples-test")
        self.assertEqual(result.returncode, 77, result.stderr)
        for line in ("go: skipped, go", "node: skipped, node", "java: skipped, javac"):
            self.assertIn(line, result.stdout)
        self.assertIn("nothing was tested", result.stderr)

    def test_image_has_the_singer_target(self):
        self.assertIn("ln -s syncline /out/usr/bin/target-syncline", (SOURCE / "Dockerfile").read_text())

    def test_no_compiled_python_is_tracked(self):
        git = shutil.which("git")
        if git is None or not (SOURCE / ".git").exists():
            self.skipTest("this is not a checkout")
        command = [git, "-c", f"safe.directory={SOURCE}", "-C", SOURCE, "ls-files", "*.pyc"]
        tracked = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        self.assertEqual(tracked, "")


if __name__ == "__main__":
    unittest.main()
