"""docs/reference/cli.md and the program's help name the same flags."""

import os
import pathlib
import re
import subprocess
import unittest

PROGRAM = os.environ["CBR_PROGRAM"]
REFERENCE = pathlib.Path(os.environ["CBR_SOURCE_DIR"]) / "docs" / "reference"
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z]")


def flags_of(command):
    """Those that a command's help lists, not those that its text refers to."""
    done = subprocess.run([PROGRAM, *command.split(), "--help"], capture_output=True, text=True,
                          check=True)
    return {flag for line in done.stdout.splitlines() if line.startswith("  -")
            for flag in FLAG.findall(line[:40])}


def section(command):
    text = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    return text.split(f"## cbr {command}\n")[1].split("\n## ")[0]


class Flags(unittest.TestCase):
    commands = ("doctor", "bench", "compare", "plan", "generate", "config show")

    def test_all_are_described(self):
        configuration = (REFERENCE / "configuration.md").read_text(encoding="utf-8")
        options = {f"--{name[4:].lower().replace('_', '-')}"
                   for name in re.findall(r"CBR_[A-Z_]+", configuration)}
        general = (REFERENCE / "cli.md").read_text(encoding="utf-8").split("## cbr doctor")[0]
        for command in self.commands:
            told = set(FLAG.findall(section(command.split()[0]) + general)) | options | {"--help"}
            with self.subTest(command):
                self.assertGreater(len(flags_of(command)), 0)
                self.assertEqual(flags_of(command) - told, set())

    def test_all_exist(self):
        known = {"--help", "--version"}.union(*map(flags_of, self.commands))
        told = set(FLAG.findall((REFERENCE / "cli.md").read_text(encoding="utf-8")))
        self.assertEqual(told - known, set())


if __name__ == "__main__":
    unittest.main()
