"""Runs the real cbr program in tests."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import jsonschema

PROGRAM = os.environ["CBR_PROGRAM"]
SOURCE = pathlib.Path(os.environ["CBR_SOURCE_DIR"])
MODEL = SOURCE / "models" / "tiny-qwen2-kjv-4bit"
SCHEMA = SOURCE / "docs" / "reference" / "bench-result.schema.json"

# Small steps that even a software device runs in a moment.
SMALL_STEPS = ["--synthetic", "--dispatches", "4", "--elements", "256", "--iterations", "2",
               "--steps", "32"]
SIMULATED = ["--synthetic", "--backend", "simulated", "--steps", "50"]


def run_cbr(*arguments, env=None, timeout=240):
    """Runs the program to its end, with pipes for its output."""
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          encoding="utf-8", timeout=timeout, stdin=subprocess.DEVNULL,
                          env={**os.environ, **(env or {})}, check=False)


def has_vulkan():
    """Whether a Vulkan device works here."""
    return run_cbr("doctor").returncode == 0


def needs_vulkan(test):
    """Skips a test where no Vulkan device works."""
    return unittest.skipUnless(has_vulkan(), "no working Vulkan device (see cbr doctor)")(test)


class CbrTestCase(unittest.TestCase):
    """A test with an empty folder of its own, self.folder."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def piped(self, text, *arguments):
        """Runs the program with a text on its standard input."""
        return subprocess.run([PROGRAM, *map(str, arguments)], input=text, capture_output=True,
                              text=True, encoding="utf-8", timeout=240, check=False)

    def assert_bad_input(self, run, *fragments):
        """Exit code 2, nothing on stdout, one line on stderr that holds every fragment."""
        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertEqual(run.stdout, "")
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertTrue(run.stderr.startswith("cbr: "), run.stderr)
        for fragment in fragments:
            self.assertIn(str(fragment), run.stderr)

    def assert_success(self, run):
        """Exit code 0 and nothing on stderr."""
        self.assertEqual(run.stderr, "")
        self.assertEqual(run.returncode, 0)

    def read_result(self, path):
        """A result file, checked against the schema."""
        result = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.validate(result, json.loads(SCHEMA.read_text(encoding="utf-8")))
        return result
