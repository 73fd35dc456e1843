"""Text that the program did not write: it can't move a cursor or forge a line, and is read in
proportion to its size."""

import json
import os
import pathlib
import pty
import subprocess
import unittest

from cbr_program import PROGRAM, SIMULATED, CbrTestCase, run_cbr

# What turns the writing round, clears the screen (twice: with ESC, and as one character), sets the
# title, and begins a line of its own.
EVIL = "x\u202e\x1b[2J\u009b2J\x1b]0;owned\x07\nWarning: forged"
SHOWN = r"x\u202e\x1b[2J\u009b2J\x1b]0;owned\x07\nWarning: forged"


class ForeignText(CbrTestCase):
    def setUp(self):
        super().setUp()
        self.good = self.folder / "good.json"
        self.assert_success(run_cbr("bench", *SIMULATED, "--output", self.good))
        self.result = json.loads(self.good.read_text(encoding="utf-8"))

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def assert_harmless(self, run):
        for text in [run.stdout, run.stderr]:
            for character in ["\x1b", "\u009b", "\u202e", "\x07", "\r"]:
                self.assertNotIn(character, text)
            self.assertNotIn("\nWarning: forged", text)

    def test_keys_and_values_of_a_result(self):
        self.result["config"][EVIL] = EVIL
        self.result["device"]["name"] = EVIL
        bad = self.write("bad.json", json.dumps(self.result))
        run = run_cbr("compare", self.good, bad)
        self.assertEqual(run.returncode, 0)
        self.assert_harmless(run)
        self.assertIn(f'Warning: config.{SHOWN} differs: absent in {self.good}, "{SHOWN}" in {bad}',
                      run.stdout)
        self.result["runs"][0][EVIL] = self.result["runs"][0].pop("tokensSha256")
        self.write("bad.json", json.dumps(self.result))
        self.assert_harmless(run_cbr("compare", self.good, bad))

    def test_names_of_files(self):
        evil = self.write(EVIL, json.dumps(self.result | {"complete": False}))
        run = run_cbr("compare", self.good, evil)
        self.assert_harmless(run)
        self.assertIn(f"{SHOWN} was stopped before its end", run.stdout)
        commands = [["compare", self.good, evil, "--ring-size", "1,77"],
                    ["compare", self.good, self.folder / (EVIL + "2")],
                    ["config", "check", evil], ["config", "show", "--config", evil],
                    ["config", "check", EVIL], ["generate", "--model", EVIL, "--prompt", "x"],
                    ["bench", "--model", EVIL], ["bench", *SIMULATED, "--prompts", EVIL],
                    ["bench", *SIMULATED, "--output", self.folder / EVIL / "x"]]
        for command in commands:
            with self.subTest(command):
                run = run_cbr(*command)
                self.assertNotEqual(run.returncode, 0)
                self.assert_harmless(run)
                self.assertGreater(run.stderr.count("\n"), 0)

    def test_arguments_and_variables(self):
        for command in [[EVIL], ["bench", EVIL], ["bench", "--" + EVIL], ["bench", "--rounds", EVIL],
                        ["bench", "--synthetic", "--device", EVIL], ["completion", EVIL],
                        ["bench", "--synthetic", "--backend", EVIL], ["compare", EVIL, EVIL, EVIL],
                        ["config", "show", "--name", EVIL], ["config", EVIL]]:
            with self.subTest(command):
                run = run_cbr(*command)
                self.assertEqual((run.returncode, run.stdout), (2, ""))
                self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
                self.assert_harmless(run)
        self.assert_harmless(run_cbr("config", "show", env={"CBR_NAME": EVIL}))
        self.assert_harmless(run_cbr("config", "show", env={f"CBR_RING_SIZ{EVIL[:9]}": "1"}))

    def test_yaml(self):
        for text in [json.dumps({EVIL: 1}), json.dumps({"command_buffer_ring": {EVIL: EVIL}}),
                     json.dumps({"device": EVIL}), json.dumps({"backend": EVIL}),
                     "a: \u202e1\n", "a: {b: \"\\e[2J\n"]:
            with self.subTest(text):
                run = run_cbr("config", "check", self.write("a.yaml", text))
                self.assertEqual(run.returncode, 1)
                self.assert_harmless(run)

    def test_a_shown_option(self):
        run = run_cbr("config", "show", "--device", "a\u202e b\u00a0")
        self.assertEqual(run.returncode, 0)
        self.assertIn("a", run.stdout)

    def test_progress_on_a_terminal(self):
        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        path = self.write("a.yaml", json.dumps({EVIL: 1}))
        subprocess.run([PROGRAM, "config", "check", str(path)], stderr=terminal, check=False)
        os.close(terminal)
        shown = os.read(controller, 65536).decode()
        self.assertNotIn("\x1b", shown)
        self.assertEqual(shown.count("\n"), 1)


class InProportion(CbrTestCase):
    """A limit of time stands in for an assertion: without the mending, each takes minutes."""

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def test_results(self):
        def run_of(size, digit):
            # Ties, for which nothing can be looked up.
            samples = [int(str(digit + (i * size) % 7)) for i in range(15)]
            metric = {"median": 5.0}
            return {"ringSize": size, "tokensSha256": "a", "stepsPerSec": metric, "stepMs": metric,
                    "ttftMs": metric,
                    "gpu": {"encodeUs": 1.0, "busyFraction": 0.5, "idleGapUs": metric},
                    "samples": dict.fromkeys(["stepsPerSec", "stepMs", "ttftMs", "encodeUs",
                                              "busyFraction", "idleGapUs"], samples)}
        head = {"schemaVersion": 1, "config": {}, "device": {}, "systemInfo": {}}
        many_runs = [self.write(f"{digit}.json",
                                json.dumps(head | {"runs": [run_of(size, digit)
                                                            for size in range(1, 1025)]}))
                     for digit in [1, 2]]
        run = run_cbr("compare", *many_runs, timeout=60)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        keys = self.write("keys.json", json.dumps(
            head | {"config": {"x" * 500_000: {f"{i}": 0 for i in range(60_000)}},
                    "runs": [run_of(1, 1)]}))
        none = self.write("none.json", json.dumps(
            head | {"config": {"x" * 500_000: {}}, "runs": [run_of(1, 1)]}))
        run = run_cbr("compare", keys, none, timeout=60)
        self.assertEqual(run.returncode, 0)
        self.assertEqual(run.stdout.count("Warning: "), 21)
        self.assertIn("Warning: 59980 more conditions differ.", run.stdout)

    def test_a_file_of_faults(self):
        for text, first, more in [("".join(f"k{i}: 1\n" for i in range(100_000)), "1:1", 99_990),
                                  ("enabled: 1\n" * 90_000, "1:10", 179_989),
                                  ("command_buffer_ring: [\n" + "x,\n" * 300_000 + "]\n", "1:22", 0),
                                  ("- x\n" * 250_000, "1:1", 0),
                                  ("{" + "a: 1, " * 170_000 + "}", "1:2", 339_989)]:
            path = self.write("a.yaml", text)
            run = run_cbr("config", "check", path, timeout=60)
            self.assertEqual(run.returncode, 1)
            lines = run.stderr.splitlines()
            self.assertTrue(lines[0].startswith(f"cbr: {path}:{first}: "), lines[0])
            if more:
                self.assertEqual(len(lines), 11)
                self.assertEqual(lines[-1], f"cbr: {path}: {more} more mistakes")
            else:
                self.assertEqual(len(lines), 1)
            self.assert_bad_input(run_cbr("config", "show", "--config", path, timeout=60),
                                  f"{path}:{first}: ")


if __name__ == "__main__":
    unittest.main()
