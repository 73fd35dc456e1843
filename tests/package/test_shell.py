"""What an install has for shells and for man."""

import gzip
import re
import shutil
import subprocess
import unittest

from package_test import PackageTestCase, run

COMMANDS = ["bench", "compare", "config", "doctor", "generate", "plan"]


class Shell(PackageTestCase):
    def test_completions_lie_where_shells_look(self):
        share = self.prefix / "share"
        program = self.prefix / "bin" / "cbr"
        for shell, path in [("bash", "bash-completion/completions/cbr"),
                            ("zsh", "zsh/site-functions/_cbr"),
                            ("fish", "fish/vendor_completions.d/cbr.fish")]:
            with self.subTest(shell=shell):
                self.assertEqual((share / path).read_text(encoding="utf-8"),
                                 run(program, "completion", shell).stdout)

    def assert_examples_are_lines(self, name, lines):
        """The examples of the help, but for those that a page has to break."""
        program, *command = name.split("-")
        help_text = run(self.prefix / "bin" / program, *command, "--help").stdout
        for example in help_text.partition("\nExamples:\n")[2].partition("\n\n")[0].splitlines():
            command = re.split("  +", example.strip())[0]
            if len(command) < 60:
                self.assertIn(command, lines)

    @unittest.skipUnless(shutil.which("help2man") and shutil.which("mandoc"),
                         "help2man or mandoc is not installed")
    def test_manual_pages(self):
        for name in ["cbr", *(f"cbr-{command}" for command in COMMANDS)]:
            with self.subTest(page=name):
                page = gzip.decompress((self.prefix / f"share/man/man1/{name}.1.gz").read_bytes())
                lint = subprocess.run(["mandoc", "-T", "lint", "-W", "error"], input=page,
                                      capture_output=True, check=False)
                self.assertEqual((lint.returncode, lint.stdout), (0, b""))
                text = subprocess.run(["mandoc", "-T", "ascii"], input=page, capture_output=True,
                                      check=True).stdout.decode()
                text = re.sub(".\b", "", text)
                self.assert_examples_are_lines(name, [line.strip() for line in text.splitlines()])
                text = " ".join(text.split())
                self.assertNotIn("..", text.replace("...", "").partition("OPTIONS")[0])
                self.assertIn(f"NAME {name} - ", text)
                self.assertIn("SEE ALSO", text)
                self.assertIn("cbr-doctor(1)" if name == "cbr" else "cbr(1)", text)


if __name__ == "__main__":
    unittest.main()
