"""cbr compare, generate, doctor and the help."""

import json
import os
import re
import signal
import subprocess
import time
import unittest

from cbr_program import MODEL, PROGRAM, SIMULATED, SOURCE, CbrTestCase, needs_vulkan, run_cbr

GOLDEN = json.loads((MODEL / "golden.json").read_text(encoding="utf-8"))


class Compare(CbrTestCase):
    def bench(self, name, *flags):
        path = self.folder / name
        self.assert_success(run_cbr("bench", *SIMULATED, *flags, "--output", path))
        return path

    def test_the_same_is_within_noise(self):
        path = self.bench("a.json")
        run = run_cbr("compare", path, path, "--fail-below", "-1")
        self.assert_success(run)
        rows = [line for line in run.stdout.splitlines() if re.match(r"[1-4] ", line)]
        self.assertEqual(len(rows), 4 * 5)
        for row in rows:
            self.assertIn("within noise", row)
        self.assertNotIn("Warning", run.stdout)

    def test_a_slower_gpu_is_worse(self):
        before = self.bench("before.json")
        after = self.bench("after.json", "--sim-gpu-us", "55")
        run = run_cbr("compare", before, after)
        self.assert_success(run)
        self.assertRegex(run.stdout, r"\n1 +steps/s +10000 +9009 +−9\.9 % +0\.008 +worse\n")
        self.assertIn("Warning: config.simulated.gpuUs differs", run.stdout)

    def test_threshold(self):
        before = self.bench("before.json")
        after = self.bench("after.json", "--sim-gpu-us", "55")
        self.assertEqual(run_cbr("compare", before, after, "--fail-below", "-30").returncode, 0)
        run = run_cbr("compare", before, after, "--fail-below", "-5")
        self.assertEqual(run.returncode, 1)
        self.assertIn("steps/s at ring size 1 changed by −9.9 %, below the −5.0 %", run.stderr)
        # Not faster at all, and no doubt of that: the simulated rounds are all the same.
        run = run_cbr("compare", before, before, "--fail-below", "3")
        self.assertEqual(run.returncode, 1)
        self.assertIn("changed by ±0.0 %, below the +3.0 % of --fail-below\n", run.stderr)

    def with_rates(self, name, rates):
        """A result of ring size 1 whose rounds had these rates."""
        result = json.loads(self.bench(name, "--ring-size", "1").read_text(encoding="utf-8"))
        run = result["runs"][0]
        run["stepsPerSec"]["median"] = sorted(rates)[len(rates) // 2]
        run["samples"]["stepsPerSec"] = rates
        path = self.folder / name
        path.write_text(json.dumps(result), encoding="utf-8")
        return path

    def test_an_undecided_gate_does_not_fail(self):
        before = self.with_rates("before.json", [110, 111, 90, 112, 95])
        after = self.with_rates("after.json", [100, 101, 99, 102, 98])
        run = run_cbr("compare", before, after, "--fail-below", "-5")
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stdout, r"\n1 +steps/s .* −9\.1 % .* within noise\n")
        self.assertEqual(run.stderr, "cbr: note: steps/s at ring size 1 changed by −9.1 %, below the "
                                     "−5.0 % of --fail-below: undecided, it is within noise\n")
        few = self.with_rates("few.json", [50, 51])
        run = run_cbr("compare", before, few, "--fail-below", "-5")
        self.assertEqual(run.returncode, 0)
        self.assertIn(": undecided, there are too few rounds\n", run.stderr)

    def test_sizes_in_one_file_only(self):
        run = run_cbr("compare", self.bench("a.json", "--ring-size", "1,2"),
                      self.bench("b.json", "--ring-size", "1,8"))
        self.assert_success(run)
        self.assertIn("Only in the baseline: ring size 2.", run.stdout)
        self.assertIn("Only in the candidate: ring size 8.", run.stdout)

    def test_the_sizes_asked_for(self):
        path = self.bench("a.json", "--ring-size", "1,2,3")
        run = run_cbr("compare", path, path, "--ring-size", "1,3")
        self.assert_success(run)
        self.assertIn(f"Warning: the ring size differs: 1 in {path}, 3 in {path}.", run.stdout)
        self.assertRegex(run.stdout, r"\n3 +steps/s +10000 +22163 ")
        self.assertNotRegex(run.stdout, r"\n[12] +steps/s")
        self.assertNotIn("Only in", run.stdout)
        run = run_cbr("compare", path, path, "--ring-size", "2")
        self.assertRegex(run.stdout, r"\n2 +steps/s")
        self.assertNotRegex(run.stdout, r"\n[13] +steps/s")
        self.assert_bad_input(run_cbr("compare", path, path, "--ring-size", "1,4"),
                              f"{path} has no ring size 4, it has 1, 2, 3")
        for text in ["0", "1,", ",1", "1,2,3", "x"]:
            self.assert_bad_input(run_cbr("compare", path, path, f"--ring-size={text}"),
                                  "--ring-size", "1 to 1024")

    def test_no_size_in_common(self):
        self.assert_bad_input(
            run_cbr("compare", self.bench("a.json", "--ring-size", "1"),
                    self.bench("b.json", "--ring-size", "2,3")), "no ring size is in both")

    def test_one_size_each_is_compared(self):
        run = run_cbr("compare", self.bench("a.json", "--ring-size", "1"),
                      self.bench("b.json", "--ring-size", "2"))
        self.assert_success(run)
        self.assertIn("the ring size differs: 1 in ", run.stdout)

    def test_few_rounds_can_not_tell(self):
        path = self.bench("a.json", "--rounds", "3")
        run = run_cbr("compare", path, path)
        self.assert_success(run)
        self.assertIn("too few rounds", run.stdout)


    def test_json(self):
        before = self.bench("before.json", "--ring-size", "1,2")
        after = self.bench("after.json", "--ring-size", "1,3", "--sim-gpu-us", "55")
        run = run_cbr("compare", before, after, "--json")
        self.assert_success(run)
        report = json.loads(run.stdout)
        self.assertEqual((report["onlyInBaseline"], report["onlyInCandidate"]), ([2], [3]))
        self.assertIn("config.simulated.gpuUs differs", report["warnings"][0])
        rate = report["changes"][0]
        self.assertEqual((rate["ringSize"], rate["baselineRingSize"], rate["metric"]),
                         (1, 1, "steps/s"))
        self.assertAlmostEqual(rate["percent"], (100 / 111 - 1) * 100, places=6)
        self.assertAlmostEqual(rate["p"], 2 / 252, places=12)
        self.assertEqual(rate["judgement"], "worse")
        self.assertIsNone(report["gate"])
        run = run_cbr("compare", before, after, "--json", "--fail-below", "-5")
        self.assertEqual(run.returncode, 1)
        gate = json.loads(run.stdout)["gate"]
        self.assertEqual((gate["failBelow"], gate["outcome"]), (-5, "failed"))
        self.assertEqual([each["outcome"] for each in gate["rates"]], ["failed"])

    def test_standard_input_for_either(self):
        path = self.bench("a.json")
        text = path.read_text(encoding="utf-8")
        for arguments in [["-", path], [path, "-"]]:
            run = self.piped(text, "compare", *arguments)
            self.assert_success(run)
            self.assertIn("within noise", run.stdout)
        self.assert_bad_input(self.piped("{", "compare", path, "-"), "/dev/stdin: ", "JSON")


@needs_vulkan
class Generate(CbrTestCase):
    def test_streams_the_reference_text(self):
        case = GOLDEN["cases"][0]
        run = run_cbr("generate", "--model", MODEL, "--prompt", case["prompt"], "--max-tokens", "12")
        self.assert_success(run)
        self.assertTrue(run.stdout.endswith("\n"))
        self.assertTrue(case["text"].startswith(run.stdout[:-1]))
        self.assertGreater(len(run.stdout), 12)

    def test_a_prompt_from_standard_input(self):
        case = GOLDEN["cases"][0]
        run = self.piped(case["prompt"] + "\n", "generate", "--model", MODEL, "--prompt", "-",
                         "--max-tokens", "8", "--json")
        self.assert_success(run)
        # Without the line break of the shell.
        self.assertEqual(json.loads(run.stdout)["promptTokens"], case["prompt_tokens"])

    def test_json_is_the_same_for_every_ring_size(self):
        case = GOLDEN["cases"][0]
        for ring_size in [1, 2, 5]:
            with self.subTest(ring_size=ring_size):
                run = run_cbr("generate", "--model", MODEL, "--prompt", case["prompt"],
                              "--max-tokens", "8", "--ring-size", ring_size, "--json")
                self.assert_success(run)
                answer = json.loads(run.stdout)
                self.assertEqual(answer["promptTokens"], case["prompt_tokens"])
                self.assertEqual(answer["tokens"], case["greedy_tokens"][:8])
                self.assertTrue(case["text"].startswith(answer["text"]))
                self.assertEqual(answer["ringSize"], ring_size)
                self.assertEqual(answer["stopReason"], "max_tokens")

    def start(self):
        process = subprocess.Popen([PROGRAM, "generate", "--model", str(MODEL), "--prompt", "And",
                                    "--max-tokens", "1000"],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        # It streams: the first text comes long before the end.
        self.assertTrue(os.read(process.stdout.fileno(), 1))
        return process

    def test_ctrl_c_ends_the_text(self):
        process = self.start()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(errors, b"")
        self.assertTrue(output.endswith(b"\n"))

    def test_broken_pipe_is_quiet(self):
        process = self.start()
        process.stdout.close()
        start = time.monotonic()
        self.assertEqual(process.wait(60), 141)
        self.assertLess(time.monotonic() - start, 10)
        self.assertEqual(process.stderr.read(), b"")


class Doctor(CbrTestCase):
    def test_lists_every_backend(self):
        run = run_cbr("doctor")
        self.assertEqual(run.stderr, "")
        for backend in ["simulated", "vulkan", "metal", "cuda"]:
            self.assertRegex(run.stdout, rf"(?m)^{backend}: ")
        self.assertIn("self-test passed", run.stdout)

    @needs_vulkan
    def test_describes_and_tests_devices(self):
        run = run_cbr("doctor")
        self.assert_success(run)
        self.assertRegex(run.stdout, r"(?m)^vulkan: compiled in, library loaded, \d+ devices?$")
        self.assertRegex(run.stdout, r"(?m)^  device 0: .+$")
        self.assertRegex(run.stdout, r"timeline semaphores (yes|no), timestamps (yes|no)")
        self.assertRegex(run.stdout, r"driver \S+")

    def test_no_driver(self):
        nowhere = str(self.folder / "none.json")
        run = run_cbr("doctor", env={"VK_ICD_FILENAMES": nowhere, "VK_DRIVER_FILES": nowhere})
        self.assertEqual(run.returncode, 1)
        self.assertIn("finds no driver; is one installed", run.stdout)
        self.assertIn("simulated: compiled in", run.stdout)


    def test_json(self):
        run = run_cbr("doctor", "--json")
        self.assertEqual(run.stderr, "")
        report = json.loads(run.stdout)
        self.assertEqual(report["healthy"], run.returncode == 0)
        self.assertTrue(report["backends"]["simulated"]["selfTest"]["passed"])
        self.assertIn("metal", report["backends"])
        for device in report["backends"]["vulkan"]["devices"]:
            self.assertEqual(device["selfTest"] is None, device["whyUnusable"] is not None)
        nowhere = str(self.folder / "none.json")
        run = run_cbr("doctor", "--json", env={"VK_ICD_FILENAMES": nowhere,
                                               "VK_DRIVER_FILES": nowhere})
        self.assertEqual(run.returncode, 1)
        report = json.loads(run.stdout)
        self.assertFalse(report["healthy"])
        self.assertIn("finds no driver", report["backends"]["vulkan"]["error"])
        self.assertEqual(report["backends"]["vulkan"]["devices"], [])

    @needs_vulkan
    def test_json_describes_devices(self):
        device = json.loads(run_cbr("doctor", "--json").stdout)["backends"]["vulkan"]["devices"][0]
        self.assertEqual(device["index"], 0)
        self.assertTrue(device["timelineSemaphores"])
        self.assertTrue(device["selfTest"]["passed"])
        self.assertGreater(device["computeFamilies"][0]["queueCount"], 0)


COMMANDS = [[], ["bench"], ["compare"], ["generate"], ["config"], ["config", "show"],
            ["config", "check"], ["doctor"], ["plan"], ["help"], ["version"], ["completion"]]


class Help(CbrTestCase):
    def test_version(self):
        run = run_cbr("--version")
        self.assert_success(run)
        self.assertRegex(run.stdout, r"^cbr \d+\.\d+\.\d+\n$")

    def test_version_with_build_details(self):
        run = run_cbr("version")
        self.assert_success(run)
        self.assertTrue(run.stdout.startswith(run_cbr("--version").stdout))
        self.assertRegex(run.stdout, r"(?m)^  compiler +\S+ \d+")
        self.assertRegex(run.stdout, r"(?m)^  build type +\w+$")
        self.assertRegex(run.stdout, r"(?m)^  backends +vulkan, .*simulated$")
        if (SOURCE / ".git").exists():
            self.assertRegex(run.stdout, r"(?m)^  git +\S*[0-9a-f]{7}$")

    def test_help_teaches_with_examples(self):
        for arguments in COMMANDS:
            with self.subTest(arguments=arguments):
                run = run_cbr(*arguments, "--help")
                self.assert_success(run)
                self.assertIn("Examples:\n  cbr ", run.stdout)

    def test_help_as_a_command(self):
        for arguments in COMMANDS:
            with self.subTest(arguments=arguments):
                run = run_cbr("help", *arguments)
                self.assert_success(run)
                self.assertEqual(run.stdout, run_cbr(*arguments, "--help").stdout)

    def test_help_fits_a_terminal(self):
        for arguments in COMMANDS:
            for line in run_cbr(*arguments, "--help").stdout.splitlines():
                with self.subTest(arguments=arguments, line=line):
                    self.assertLessEqual(len(line), 80)
                    self.assertEqual(line, line.rstrip())


if __name__ == "__main__":
    unittest.main()
