"""cbr bench: its table, its file, and how it ends."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import time
import unittest

from cbr_program import (MODEL, PROGRAM, SIMULATED, SMALL_STEPS, CbrTestCase, needs_vulkan,
                         run_cbr)


class SimulatedBench(CbrTestCase):
    def test_timings_come_out_exactly(self):
        path = self.folder / "result.json"
        self.assert_success(
            run_cbr("bench", *SIMULATED, "--ring-size", "1,2", "--rounds", "3", "--sim-encode-us",
                    "20", "--sim-submit-us", "2", "--sim-gpu-us", "44", "--sim-completion-us", "25",
                    "--output", path))
        result = self.read_result(path)
        serial = result["runs"][0]
        self.assertAlmostEqual(serial["gpu"]["busyFraction"], 44 / (20 + 2 + 44 + 25), places=12)
        self.assertAlmostEqual(serial["stepsPerSec"]["median"], 1e6 / 91, places=6)
        self.assertEqual(serial["gpu"]["idleGapUs"], {"count": 147, "median": 47.0, "p99": 47.0})
        self.assertEqual(serial["gpu"]["encodeUs"], 20)
        self.assertEqual(serial["gpu"]["executeUs"], 44)
        self.assertEqual(result["config"]["simulated"]["gpuUs"], 44)
        self.assertEqual(result["device"]["backend"], "simulated")

    def test_says_where_the_idle_time_went(self):
        path = self.folder / "result.json"
        run = run_cbr("bench", *SIMULATED, "--ring-size", "1,2", "--rounds", "3", "--sim-encode-us",
                      "20", "--sim-submit-us", "2", "--sim-gpu-us", "44", "--sim-completion-us", "25",
                      "--output", path)
        self.assert_success(run)
        serial, double = self.read_result(path)["runs"]
        gpu = serial["ring"]["gpu"]
        gaps = 3 * 49
        self.assertEqual((gpu["submissions"], gpu["gaps"], gpu["peakInUse"]), (150, gaps, 1))
        self.assertAlmostEqual(gpu["busySeconds"], 150 * 44e-6, places=12)
        self.assertAlmostEqual(gpu["idleSeconds"], gaps * 47e-6, places=12)
        self.assertAlmostEqual(gpu["busyFraction"], 150 * 44 / (150 * 44 + gaps * 47), places=12)
        expected = {"wakeUp": 25e-6, "encode": 20e-6, "submit": 2e-6}
        self.assertEqual(list(gpu["idleByCause"]), ["application", "slotWait", "wakeUp", "encode",
                                                    "submit", "dependency", "device", "unknown"])
        for cause, idle in gpu["idleByCause"].items():
            self.assertAlmostEqual(idle, gaps * expected.get(cause, 0), places=12, msg=cause)
        self.assertEqual(gpu["idleAfterWait"], gpu["idleByCause"])
        self.assertEqual([each for each in gpu["gapHistogram"] if each["count"]],
                         [{"fromUs": 32, "count": gaps}])
        self.assertEqual((gpu["encodeSeconds"], gpu["submitSeconds"]), (150 * 20e-6, 150 * 2e-6))
        self.assertLess(double["ring"]["gpu"]["idleSeconds"], gpu["idleSeconds"])
        self.assertIn("\nring 1: idle 51.1 %: wake_up 27.2 %, encode 21.8 %, submit 2.2 %\n", run.stdout)
        self.assertRegex(run.stdout, r"\nRing size 1: The GPU stood idle for 51.1 % .* Set ring_size to 2")

    def test_without_times_of_the_gpu_says_nothing_of_them(self):
        path = self.folder / "result.json"
        run = run_cbr("bench", *SIMULATED, "--gpu-times", "none", "--output", path)
        self.assert_success(run)
        self.assertNotIn("idle ", run.stdout.split("waits")[1])
        self.assertEqual([each["ring"]["gpu"] for each in self.read_result(path)["runs"]], [None] * 4)

    def test_is_the_same_each_time(self):
        first = run_cbr("bench", *SIMULATED)
        self.assert_success(first)
        self.assertEqual(first.stdout, run_cbr("bench", *SIMULATED).stdout)
        self.assertIn("all times below are simulated", first.stdout)

    def test_says_when_overlapping_buys_nothing(self):
        # Without encode, submit and completion times there is nothing to hide.
        run = run_cbr("bench", *SIMULATED, "--sim-encode-us", "0", "--sim-submit-us", "0",
                      "--sim-completion-us", "0")
        self.assert_success(run)
        self.assertIn("bought nothing measurable", run.stdout.splitlines()[-1])

    def test_one_round_has_no_interval(self):
        path = self.folder / "result.json"
        run = run_cbr("bench", *SIMULATED, "--rounds", "1", "--output", path)
        self.assert_success(run)
        self.assertIn("a single round can't tell", run.stdout.splitlines()[-1])
        for comparison in self.read_result(path)["comparison"]:
            self.assertIsNone(comparison["ci95"])

    def test_the_first_size_is_the_baseline(self):
        path = self.folder / "result.json"
        self.assert_success(run_cbr("bench", *SIMULATED, "--ring-size", "3,1", "--output", path))
        result = self.read_result(path)
        self.assertEqual([run["ringSize"] for run in result["runs"]], [3, 1])
        self.assertEqual(result["comparison"][0]["baseline"], 3)
        self.assertLess(result["comparison"][0]["speedup"], 1)

    def test_two_queues(self):
        path = self.folder / "result.json"
        flags = ["--steps", "200", "--rounds", "2", "--output", path]
        run = run_cbr("bench", *SIMULATED[:3], "--queues", "2", *flags)
        self.assert_success(run)
        self.assertIn("on each of 2 queues", run.stdout)
        self.assertIn("steps/s, host waits", run.stdout)
        result = self.read_result(path)
        self.assertEqual(result["config"]["synthetic"]["queues"], 2)
        self.assertEqual([run["ringSize"] for run in result["runs"]], [2, 4, 6])
        self.assertEqual([host["ringSize"] for host in result["hostHandOver"]], [2, 4, 6])
        for ring, host in zip(result["runs"], result["hostHandOver"]):
            self.assertEqual(ring["ring"]["completions"], 2 * 2 * 200)
            rates = ring["stepsPerSec"]["median"], host["stepsPerSec"]["median"]
            self.assertAlmostEqual(host["speedup"], rates[0] / rates[1], places=9)
        # With the GPU's waiting the host's 2 x 25 us a step are the limit; with its own it also waits
        # for 44 us on the GPU and 31 us until it sees that.
        ring, host = result["runs"][2], result["hostHandOver"][2]
        self.assertAlmostEqual(ring["stepsPerSec"]["median"], 1e6 / 50, delta=300)
        self.assertGreater(host["speedup"], 2)
        self.assertGreater(ring["gpu"]["busyFraction"], host["busyFraction"])
        # The same by a file.
        config = self.folder / "ring.yaml"
        config.write_text("queues: 2\n", encoding="utf-8")
        by_file = run_cbr("bench", *SIMULATED[:3], "--config", config, *flags)
        self.assertEqual(by_file.stdout, run.stdout)

    def test_two_queues_need_two_slots(self):
        self.assert_bad_input(run_cbr("bench", *SIMULATED, "--queues", "2", "--ring-size", "1"),
                              "--ring-size 1: the ring needs a slot for each of 2 queues")

    def test_replaces_an_older_file_and_leaves_no_other(self):
        path = self.folder / "result.json"
        path.write_text("old")
        self.assert_success(run_cbr("bench", *SIMULATED, "--output", path))
        self.read_result(path)
        self.assertEqual(list(self.folder.iterdir()), [path])

    def test_output_to_standard_output(self):
        path = self.folder / "result.json"
        run = run_cbr("bench", *SIMULATED, "--output", "-")
        self.assert_success(run)
        path.write_text(run.stdout, encoding="utf-8")
        self.assertEqual([each["ringSize"] for each in self.read_result(path)["runs"]], [1, 2, 3, 4])

    def test_without_flags_the_steps_are_synthetic(self):
        path = self.folder / "result.json"
        self.assert_success(run_cbr("bench", *SIMULATED[1:], "--output", path))
        self.assertEqual(self.read_result(path)["config"]["workload"], "synthetic")

    def test_output_into_the_current_folder(self):
        subprocess.run([PROGRAM, "bench", *SIMULATED, "--output", "x.json"], cwd=self.folder,
                       check=True, capture_output=True)
        self.read_result(self.folder / "x.json")

    def test_broken_pipe_is_quiet_and_keeps_the_file(self):
        path = self.folder / "result.json"
        process = subprocess.Popen([PROGRAM, "bench", *SIMULATED, "--output", str(path)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.close()
        errors = process.stderr.read()
        process.stderr.close()
        self.assertEqual(process.wait(60), 141)
        self.assertEqual(errors, b"")
        self.read_result(path)

    @unittest.skipUnless(os.path.exists("/dev/full"), "needs /dev/full")
    def test_full_disk_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            run = subprocess.run([PROGRAM, "bench", *SIMULATED], stdout=full, text=True,
                                 stderr=subprocess.PIPE, check=False)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r"^cbr: can't write to standard output: .*\n$")


@needs_vulkan
class VulkanBench(CbrTestCase):
    def test_synthetic_steps(self):
        path = self.folder / "result.json"
        run = run_cbr("bench", *SMALL_STEPS, "--rounds", "3", "--backend", "vulkan", "--output",
                      path)
        self.assert_success(run)
        result = self.read_result(path)
        self.assertTrue(result["complete"])
        self.assertTrue(result["resultsMatch"])
        self.assertEqual([run["ringSize"] for run in result["runs"]], [1, 2, 3, 4])
        self.assertEqual(len({run["tokensSha256"] for run in result["runs"]}), 1)
        for ring in result["runs"]:
            self.assertEqual(ring["ring"]["completions"], 3 * 32)
            self.assertEqual(len(ring["samples"]["stepsPerSec"]), 3)
            if ring["gpu"]["busyFraction"] is not None:
                self.assertGreater(ring["gpu"]["busyFraction"], 0)
                self.assertLessEqual(ring["gpu"]["busyFraction"], 1)
        self.assertIn(result["verdict"], run.stdout)

    def test_the_data_depends_on_the_steps(self):
        hashes = set()
        for steps in ["3", "4"]:
            path = self.folder / f"{steps}.json"
            self.assert_success(run_cbr("bench", *SMALL_STEPS[:-1], steps, "--rounds", "1",
                                        "--output", path))
            hashes.add(self.read_result(path)["runs"][0]["tokensSha256"])
        self.assertEqual(len(hashes), 2)

    def test_a_model(self):
        path = self.folder / "result.json"
        run = run_cbr("bench", "--model", MODEL, "--ring-size", "1,3", "--rounds", "2",
                      "--questions", "2", "--max-tokens", "4", "--output", path)
        self.assert_success(run)
        result = self.read_result(path)
        self.assertEqual(result["config"]["decode"], {"model": MODEL.name, "prompts": "prompts.txt",
                                                      "questions": 2, "maxTokens": 4})
        self.assertTrue(result["resultsMatch"])
        for ring in result["runs"]:
            self.assertGreater(ring["tokensPerSec"]["median"], 0)
            self.assertGreater(ring["ttftMs"]["median"], ring["stepMs"]["median"])
        self.assertIn("tokens/s", run.stdout)
        self.assertNotIn(str(MODEL), path.read_text())

    def test_prompts_from_standard_input(self):
        path = self.folder / "result.json"
        run = self.piped("In the beginning\n\nAnd God said\n", "bench", "--model", MODEL,
                         "--prompts", "-", "--questions", "2", "--max-tokens", "2", "--rounds", "1",
                         "--ring-size", "1", "--output", path)
        self.assert_success(run)
        self.assertEqual(self.read_result(path)["config"]["decode"]["prompts"], "stdin")
        self.assert_bad_input(self.piped("one\n", "bench", "--model", MODEL, "--prompts", "-",
                                         "--questions", "2"), "/dev/stdin: has 1 prompts")

    def test_alone(self):
        run = run_cbr("bench")
        self.assert_success(run)
        self.assertIn("steps of 16 dispatches", run.stdout)


class Interrupts(CbrTestCase):
    def start(self, *arguments, stderr=subprocess.PIPE):
        process = subprocess.Popen([PROGRAM, "bench", *map(str, arguments)],
                                   stdout=subprocess.PIPE, stderr=stderr)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def interrupt(self, process, path, after):
        time.sleep(after)
        self.assertIsNone(process.poll(), "it ended before it was interrupted")
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, errors)
        self.assertEqual(errors, b"")
        self.assertIn("Stopped early", output.decode())
        result = self.read_result(path)
        self.assertFalse(result["complete"])
        self.assertEqual(list(self.folder.iterdir()), [path])
        return result

    def test_leaves_a_valid_partial_result(self):
        path = self.folder / "result.json"
        process = self.start(*SIMULATED[:-1], "20000", "--rounds", "10000", "--output", path)
        result = self.interrupt(process, path, after=3)
        self.assertGreater(result["runs"][0]["rounds"], 0)
        self.assertLess(result["runs"][0]["rounds"], 10000)
        self.assertEqual(len(result["runs"][0]["samples"]["stepsPerSec"]),
                         result["runs"][0]["rounds"])

    @needs_vulkan
    def test_drains_a_real_device(self):
        path = self.folder / "result.json"
        process = self.start(*SMALL_STEPS, "--rounds", "10000", "--output", path)
        self.interrupt(process, path, after=4)

    @needs_vulkan
    def test_stops_within_a_round_of_a_model(self):
        path = self.folder / "result.json"
        process = self.start("--model", MODEL, "--questions", "50", "--max-tokens", "900",
                             "--output", path)
        result = self.interrupt(process, path, after=4)
        self.assertEqual(result["runs"], [])
        self.assertIn("Nothing was measured", result["verdict"])


class ProgressOnATerminal(CbrTestCase):
    def test_is_silent_in_a_pipe(self):
        self.assert_success(run_cbr("bench", *SIMULATED))

    def test_is_shown_on_a_terminal_and_wiped(self):
        controller, terminal = pty.openpty()
        self.addCleanup(os.close, controller)
        run = subprocess.run([PROGRAM, "bench", *SIMULATED], stdout=subprocess.PIPE,
                             stderr=terminal, check=True)
        os.close(terminal)
        # A terminal hands out some 4 KiB at a time, and an error once all is read.
        shown = ""
        with contextlib.suppress(OSError):
            while piece := os.read(controller, 65536):
                shown += piece.decode()
        self.assertIn("1 of 20: ring size 1", shown)
        self.assertTrue(shown.endswith("\r\x1b[K"), repr(shown[-40:]))
        self.assertNotIn(b"\x1b", run.stdout)


if __name__ == "__main__":
    unittest.main()
