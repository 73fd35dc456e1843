"""cbr plan: what it predicts, recommends and refuses."""

import json
import unittest

from cbr_program import SIMULATED, CbrTestCase, run_cbr

DOCUMENT = ["plan", "--submit", "0.3ms", "--gpu", "8.2ms", "--complete", "0.1ms"]


class TypedIn(CbrTestCase):
    def test_the_example_of_the_help(self):
        self.assertIn(" ".join(["cbr", *DOCUMENT]), run_cbr("plan", "--help").stdout)
        run = run_cbr(*DOCUMENT)
        self.assert_success(run)
        # 1 / 8.6 ms, and 1 / 8.2 ms.
        self.assertRegex(run.stdout, r"\n1 +116\.3 +1\.00 +95\.3 % ")
        self.assertRegex(run.stdout, r"\n2 +121\.9 +1\.05 +100\.0 % ")
        self.assertRegex(run.stdout, r"\n8 +121\.9 ")
        self.assertTrue(run.stdout.endswith(
            "\nSet ring_size to 2: 1.05 times the steps/s of a ring of 1, with the GPU busy 100.0 % "
            "of the time.\n"), run.stdout)

    def test_json(self):
        run = run_cbr(*DOCUMENT, "--steps", "500", "--json")
        self.assert_success(run)
        plan = json.loads(run.stdout)
        self.assertEqual((plan["steps"], plan["baselineRingSize"], plan["measured"]), (500, 1, None))
        self.assertEqual([each["ringSize"] for each in plan["predictions"]], list(range(1, 9)))
        first, second = plan["predictions"][:2]
        self.assertAlmostEqual(first["stepsPerSec"], 1 / 8.6e-3, delta=0.05)
        self.assertAlmostEqual(first["busyFraction"], 8.2 / 8.6, delta=0.001)
        self.assertAlmostEqual(second["speedup"], 8.6 / 8.2, delta=0.001)
        # A third slot is only latency.
        self.assertGreater(plan["predictions"][2]["latencyMs"], second["latencyMs"] + 8)
        recommendation = plan["recommendation"]
        self.assertEqual((recommendation["ringSize"], recommendation["merge"],
                          recommendation["nothingToGain"]), (2, 1, False))
        self.assertIn(recommendation["text"], run_cbr(*DOCUMENT, "--steps", "500").stdout)

    def test_nothing_to_gain(self):
        for flags in [["--encode", "100us", "--gpu", "1us"], ["--gpu", "1ms"], ["--gpu", "0s"]]:
            run = run_cbr("plan", *flags)
            self.assert_success(run)
            self.assertTrue(run.stdout.splitlines()[-1].startswith("Nothing to gain: none of these "),
                            run.stdout)

    def test_ring_sizes(self):
        plan = json.loads(run_cbr(*DOCUMENT, "--ring-size", "2,4-6", "--json").stdout)
        self.assertEqual([each["ringSize"] for each in plan["predictions"]], [2, 4, 5, 6])
        self.assertEqual(plan["baselineRingSize"], 2)
        self.assertTrue(plan["recommendation"]["nothingToGain"])

    def test_larger_submissions(self):
        # 40 us of work and a pause of 10 us, which four steps share.
        plan = json.loads(run_cbr("plan", "--pause", "10us", "--gpu", "40us", "--merge", "1,2,4",
                                  "--ring-size", "1,2", "--json").stdout)
        rates = {(each["merge"], each["ringSize"]): each["stepsPerSec"]
                 for each in plan["predictions"]}
        self.assertEqual(len(rates), 6)
        self.assertAlmostEqual(rates[1, 1], 1e6 / 50, delta=20)
        self.assertAlmostEqual(rates[4, 1], 4e6 / 170, delta=40)
        self.assertEqual((plan["recommendation"]["merge"], plan["recommendation"]["ringSize"]),
                         (4, 1))
        run = run_cbr("plan", "--pause", "10us", "--gpu", "40us", "--merge", "1,4")
        self.assertIn("steps a submission", run.stdout)
        self.assertIn("Set ring_size to 1 and record 4 steps into a submission: 1.18 times",
                      run.stdout)

    def test_units(self):
        outputs = {run_cbr("plan", "--gpu", time, "--json").stdout
                   for time in ["8.2ms", "8200us", "8200µs", "8200μs", "8200000ns", "0.0082s",
                                "82e-4s"]}
        self.assertEqual(len(outputs), 1)
        self.assertIn('"stepsPerSec": 121.9', outputs.pop())

    def test_is_the_same_each_time(self):
        self.assertEqual(run_cbr(*DOCUMENT).stdout, run_cbr(*DOCUMENT).stdout)


class FromRecording(CbrTestCase):
    def record(self, *flags, steps=50):
        path = self.folder / "steps.json"
        self.assert_success(run_cbr("bench", *SIMULATED[:3], "--rounds", "1", "--steps", steps,
                                    *flags, "--record", path))
        return path

    def test_a_prediction_is_what_that_ring_does(self):
        path = self.record("--ring-size", "1,2,3,4", steps=400)
        # The smallest ring is read; of the others each is asked for what it did.
        plan = json.loads(run_cbr("plan", path, "--json").stdout)
        self.assertEqual((plan["ringName"], plan["device"], plan["baselineRingSize"]),
                         ("bench", "the simulated device", 1))
        for prediction in plan["predictions"][:4]:
            size = prediction["ringSize"]
            there = json.loads(run_cbr("plan", path, "--recorded-ring-size", size, "--json").stdout)
            self.assertEqual(there["measured"]["ringSize"], size)
            self.assertAlmostEqual(prediction["stepsPerSec"] / there["measured"]["stepsPerSec"], 1,
                                   delta=0.01)

    def test_the_measured_rate_stands_beside_the_predicted(self):
        path = self.record("--ring-size", "1,3", steps=400)
        run = run_cbr("plan", path)
        self.assert_success(run)
        self.assertIn("bench: 400 steps, recorded with a ring of 1 on the simulated device\n",
                      run.stdout)
        self.assertRegex(run.stdout, r"\nmeasured there:  100\d\d steps/s, GPU busy 44\.\d %")
        self.assertRegex(run.stdout, r"\npredicted for it: 100\d\d steps/s, GPU busy 44\.\d %")
        self.assertIn("\nSet ring_size to 3: 2.27 times the steps/s of a ring of 1", run.stdout)

    def test_a_ring_that_is_large_enough_is_told_so(self):
        path = self.record("--ring-size", "4", steps=400)
        run = run_cbr("plan", path)
        self.assertRegex(run.stdout.splitlines()[-1],
                         r"^Nothing to gain from 4 slots: a ring of [23] does as well, with less "
                         r"latency\.$")

    def test_the_pause_comes_from_a_ring_that_queues(self):
        note = "cbr: note: how long the GPU pauses between steps that are queued is not known"
        alone = run_cbr("plan", self.record("--ring-size", "1"))
        self.assertEqual(alone.returncode, 0)
        self.assertTrue(alone.stderr.startswith(note), alone.stderr)
        self.assertEqual(alone.stderr.count("\n"), 1)
        path = self.record("--ring-size", "1,3")
        self.assert_success(run_cbr("plan", path))
        # One that is given goes before the recorded one: 10 us more for each step of 44.
        plan = json.loads(run_cbr("plan", path, "--pause", "10us", "--json").stdout)
        self.assertAlmostEqual(plan["predictions"][2]["stepsPerSec"], 1e6 / 54, delta=200)

    def test_two_queues(self):
        path = self.record("--queues", "2", "--ring-size", "2,4", steps=200)
        plan = json.loads(run_cbr("plan", path, "--json").stdout)
        self.assertEqual([each["ringSize"] for each in plan["predictions"]], list(range(2, 10)))
        self.assert_bad_input(run_cbr("plan", path, "--ring-size", "1,2"),
                              "--ring-size 1: the ring needs a slot for each of 2 queues")

    def test_standard_input(self):
        path = self.record("--ring-size", "1,3")
        run = self.piped(path.read_text(encoding="utf-8"), "plan", "-")
        self.assert_success(run)
        self.assertEqual(run.stdout, run_cbr("plan", path).stdout)

    def test_without_the_gpus_times(self):
        path = self.record("--ring-size", "1", "--gpu-times", "none")
        self.assert_bad_input(run_cbr("plan", path), f"{path}: none of 50 submissions has all",
                              "gpu_times")
        # Some of them have theirs.
        run = run_cbr("plan", self.record("--ring-size", "1", "--gpu-times", "sampled"), "--pause",
                      "0s")
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stderr, r"^cbr: note: .* of 50 submissions are left out: .*\n$")


class BadPlans(CbrTestCase):
    def test_ring_sizes(self):
        for value, told in [("0", "0"), ("10000", "10000"), ("0-3", "0"), ("1-10000", "10000"),
                            ("-1", "-1"), ("1-", ""), ("x", "x"), ("1,,2", "")]:
            self.assert_bad_input(run_cbr(*DOCUMENT, f"--ring-size={value}"), "--ring-size",
                                  f'"{told}"', "1 to 1024")
        self.assert_bad_input(run_cbr(*DOCUMENT, "--ring-size", "3-1"), '"3-1" is a range')
        self.assert_bad_input(run_cbr(*DOCUMENT, "--ring-size", "1-3,2"), "2 is given twice")

    def test_durations(self):
        for flag in ["--application", "--encode", "--submit", "--launch", "--pause", "--gpu",
                     "--complete"]:
            for value in ["-1ms", "nanms", "infs", "1e999s", "3601s", "8.2", "ms", "", "8.2 m", "x"]:
                self.assert_bad_input(run_cbr(*DOCUMENT[:1], f"{flag}={value}"), f"{flag}: ",
                                      "duration" if value else "missing")

    def test_merges(self):
        for value in ["0", "-1", "x", "1000001"]:
            self.assert_bad_input(run_cbr(*DOCUMENT, f"--merge={value}"), "--merge", "1 to 1000000")
        self.assert_bad_input(run_cbr("plan", "--gpu", "3600s", "--steps", "4", "--merge", "2"),
                              "--merge: ", "allowed are 0 to")

    def test_steps(self):
        for value in ["0", "1000001", "x"]:
            self.assert_bad_input(run_cbr(*DOCUMENT, f"--steps={value}"), "--steps")
        self.assert_bad_input(run_cbr("plan", "--gpu", "3600s", "--encode", "3600s", "--steps",
                                      "1000000"), "--steps: its steps take more than 100 years")
        self.assert_bad_input(run_cbr("plan", "--gpu", "1s", "--pause", "3600s", "--steps",
                                      "1000000"), "--pause: 1000000 of them take more than 100")

    def test_what_does_not_go_together(self):
        self.assert_bad_input(run_cbr("plan"), "FILE is missing", "--gpu")
        self.assert_bad_input(run_cbr("plan", "--encode", "1ms"), "FILE is missing", "--gpu")
        self.assert_bad_input(run_cbr("plan", "x.json", "--gpu", "1ms"), "--gpu: ", "FILE")
        self.assert_bad_input(run_cbr("plan", "x.json", "--steps", "10"), "--steps: ", "FILE")
        self.assert_bad_input(run_cbr("plan", ""), '""')
        self.assert_bad_input(run_cbr(*DOCUMENT, "--recorded-ring-size", "2"),
                              "--recorded-ring-size: needs FILE")

    def test_a_recording_that_is_not_there(self):
        path = self.folder / "steps.json"
        self.assert_success(run_cbr("bench", *SIMULATED, "--rounds", "1", "--ring-size", "1,3",
                                    "--record", path))
        self.assert_bad_input(run_cbr("plan", path, "--recorded-ring-size", "2"),
                              f"{path} has no ring size 2, it has 1, 3")


if __name__ == "__main__":
    unittest.main()
