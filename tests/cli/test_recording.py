"""cbr bench --record, and cbr doctor --from, which reads what it wrote."""

import json
import unittest

from cbr_program import SIMULATED, CbrTestCase, run_cbr

QUICK = ["bench", *SIMULATED, "--rounds", "2"]
# Without the number of steps.
BENCH = ["bench", *SIMULATED[:3], "--rounds", "2"]


class RecordingTestCase(CbrTestCase):
    def record(self, *flags, steps=50):
        path = self.folder / "steps.json"
        self.assert_success(run_cbr(*BENCH, "--steps", steps, *flags, "--record", path))
        return path

    def write(self, name, document):
        path = self.folder / name
        path.write_text(document if isinstance(document, str) else json.dumps(document),
                        encoding="utf-8")
        return path


class Record(RecordingTestCase):
    def test_one_recording_for_each_ring(self):
        path = self.record("--ring-size", "1,3,2")
        file = json.loads(path.read_text(encoding="utf-8"))
        self.assertEqual(file["recordingVersion"], 1)
        self.assertRegex(file["tool"], r"^cbr \d+\.\d+\.\d+$")
        self.assertEqual(file["device"], "the simulated device")
        self.assertEqual([each["ringSize"] for each in file["recordings"]], [1, 3, 2])
        for each in file["recordings"]:
            self.assertEqual((each["ringName"], each["dropped"]), ("bench", 0))
            # Of one round, not of both.
            self.assertEqual(sum(len(chunk["serial"]) for chunk in each["chunks"]), 50)
        self.assertEqual(list(self.folder.iterdir()), [path])

    def test_says_what_the_ring_did(self):
        path = self.record("--ring-size", "1", "--sim-encode-us", "20", "--sim-submit-us", "2",
                           "--sim-gpu-us", "44", "--sim-completion-us", "25")
        chunk = json.loads(path.read_text(encoding="utf-8"))["recordings"][0]["chunks"][0]

        def steps(begin, end):
            return {after - before for before, after in zip(chunk[begin], chunk[end])}
        self.assertEqual(steps("acquireEnd", "submitBegin"), {20_000})
        self.assertEqual(steps("submitBegin", "submitEnd"), {2_000})
        self.assertEqual(steps("gpuStart", "gpuEnd"), {44_000})
        self.assertEqual(steps("intervalStart", "intervalEnd"), {44_000})
        self.assertEqual(chunk["waited"][1:], [1] * 49)

    def test_a_ring_that_is_larger_than_what_is_used(self):
        path = self.record("--ring-size", "8", steps=3)
        self.assertEqual(json.loads(path.read_text(encoding="utf-8"))["recordings"][0]["ringSize"], 8)

    def test_two_queues(self):
        path = self.record("--queues", "2", "--ring-size", "4")
        recordings = json.loads(path.read_text(encoding="utf-8"))["recordings"]
        self.assertEqual([each["queueCount"] for each in recordings], [2])
        # Where the host waits instead is not what is recorded.
        self.assertIn("dependencyEnd", recordings[0]["chunks"][0])

    def test_the_result_is_the_same(self):
        run = run_cbr(*QUICK, "--record", self.folder / "steps.json")
        self.assertEqual(run.stdout, run_cbr(*QUICK).stdout)

    def test_to_standard_output(self):
        run = run_cbr(*QUICK, "--record", "-")
        self.assert_success(run)
        self.assertEqual(run.stdout, self.record().read_text(encoding="utf-8"))

    def test_goes_with_the_result(self):
        result = self.folder / "result.json"
        self.record("--output", result)
        self.read_result(result)
        run = run_cbr(*QUICK, "--record", "-", "--output", result)
        self.assertTrue(run.stdout.startswith('{"recordingVersion"'))
        run = run_cbr(*QUICK, "--record", self.folder / "steps.json", "--output", "-")
        self.assertEqual(json.loads(run.stdout)["schemaVersion"], 1)

    def test_bad_outputs(self):
        missing = self.folder / "missing" / "steps.json"
        self.assert_bad_input(run_cbr(*QUICK, "--record", missing), "--record", missing.parent)
        self.assert_bad_input(run_cbr(*QUICK, "--record", "-", "--output", "-"),
                              "--output and --record", "standard output (-)")
        same = self.folder / "x.json"
        self.assert_bad_input(run_cbr(*QUICK, "--record", same, "--output", same),
                              "--output and --record: both are", same)
        self.assertEqual(list(self.folder.iterdir()), [])


class DoctorFrom(RecordingTestCase):
    def test_says_why_the_gpu_stood_idle(self):
        path = self.record("--ring-size", "1,3", steps=200)
        run = run_cbr("doctor", "--from", path)
        self.assert_success(run)
        serial, ring = run.stdout.split("\n\nbench: ")
        self.assertIn("bench: a ring of 1, 200 submissions, on the simulated device; GPU busy 44",
                      serial)
        self.assertIn("after the program had waited for a slot", serial)
        self.assertIn("→ Set ring_size to 2", serial)
        self.assertTrue(ring.startswith("a ring of 3, 200 submissions"), ring)
        self.assertIn("The GPU is busy 100.0 %", ring)
        self.assertNotIn("vulkan", run.stdout)

    def test_json(self):
        path = self.record("--ring-size", "1", steps=200)
        run = run_cbr("doctor", "--from", path, "--json")
        self.assert_success(run)
        report = json.loads(run.stdout)
        self.assertEqual(report["device"], "the simulated device")
        recording = report["recordings"][0]
        self.assertEqual((recording["ringName"], recording["ringSize"], recording["submissions"]),
                         ("bench", 1, 200))
        self.assertAlmostEqual(recording["busyFraction"], 0.44, delta=0.01)
        finding = recording["findings"][0]
        self.assertEqual(finding["kind"], "ring_too_small")
        self.assertAlmostEqual(finding["idleShare"], 0.56, delta=0.01)
        self.assertIn(finding["text"], run_cbr("doctor", "--from", path).stdout)
        self.assertIn(finding["action"], run_cbr("doctor", "--from", path).stdout)

    def test_too_little(self):
        path = self.record("--ring-size", "1", steps=5)
        self.assertIn("only 5 submissions are known so far", run_cbr("doctor", "--from", path).stdout)

    def test_standard_input(self):
        path = self.record("--ring-size", "1")
        run = self.piped(path.read_text(encoding="utf-8"), "doctor", "--from", "-")
        self.assert_success(run)
        self.assertEqual(run.stdout, run_cbr("doctor", "--from", path).stdout)


class ForeignRecordings(RecordingTestCase):
    """What a file holds is read as far as it is true, and one line says what is not."""

    def setUp(self):
        super().setUp()
        self.path = self.record("--ring-size", "1,3", steps=1100)
        self.text = self.path.read_text(encoding="utf-8")

    def assert_note(self, run, *fragments):
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        self.assertTrue(run.stderr.startswith("cbr: note: "), run.stderr)
        for fragment in fragments:
            self.assertIn(str(fragment), run.stderr)
        self.assertTrue(run.stdout)

    def test_cut_short(self):
        second = self.text.index('{"ringName"', self.text.index('"ringName"'))
        cut = self.write("cut.json", self.text[:second + 100])
        # The rings that are left don't tell how long the GPU pauses.
        for command in [["doctor", "--from"], ["plan", "--pause", "10us"]]:
            self.assert_note(run_cbr(*command, cut), f"{cut}: left out: ", "cut short")
        # The last chunk of the first ring lost its end: 1024 of 1100 are there.
        cut = self.write("cut.json", self.text[:second - 50])
        run = run_cbr("doctor", "--from", cut)
        self.assert_note(run, "cut short")
        self.assertIn("a ring of 1, 1024 submissions", run.stdout)
        for size in [1, 30, 200, 2000]:
            self.assert_bad_input(run_cbr("plan", self.write("cut.json", self.text[:size])),
                                  "cut.json: ", "cut short")
        self.assert_bad_input(run_cbr("plan", self.write("cut.json", "")), "cut.json: is empty")

    def test_another_version(self):
        other = self.write("other.json", self.text.replace(
            '"recordingVersion": 1', '"recordingVersion": 7, "moon": 1', 1))
        run = run_cbr("plan", other)
        self.assert_note(run, "is of version 7", '"moon"')
        self.assertEqual(run.stdout, run_cbr("plan", self.path).stdout)

    def test_another_machine(self):
        other = self.write("other.json", json.loads(self.text) | {"host": "0000000000000000"})
        self.assert_note(run_cbr("plan", other), "comes from another machine, with the simulated")

    def test_times_that_run_backwards(self):
        file = json.loads(self.text)
        chunk = file["recordings"][0]["chunks"][0]
        chunk["submitEnd"][5] = chunk["submitBegin"][5] - 1
        chunk["gpuEnd"][7] = chunk["gpuStart"][7] - 1
        run = run_cbr("doctor", "--from", self.write("odd.json", file))
        self.assert_note(run, "1 submission whose times run backwards",
                         "the GPU times of 1 submission, which can't be true")
        self.assertIn("a ring of 1, 1099 submissions", run.stdout)

    def test_what_is_no_recording(self):
        bad = self.write("bad.json", self.text.replace('"serial"', 'serial', 1))
        for command in [["doctor", "--from"], ["plan"]]:
            self.assert_bad_input(run_cbr(*command, bad), f"{bad}: byte ", "is not valid JSON")
        file = json.loads(self.text)
        file["recordings"][1]["chunks"][1]["slot"][3] = "x"
        self.assert_bad_input(run_cbr("plan", self.write("bad.json", file)),
                              'recordings[1].chunks[1].slot[3]: is "x"; expected an integer')
        result = self.folder / "result.json"
        self.assert_success(run_cbr(*QUICK, "--output", result))
        self.assert_bad_input(run_cbr("doctor", "--from", result), "result of cbr bench --output")
        self.assert_bad_input(run_cbr("compare", self.path, result), self.path, "schemaVersion")
        self.assert_bad_input(run_cbr("plan", self.folder / "none.json"), "none.json")
        self.assert_bad_input(run_cbr("plan", self.folder), self.folder)
        none = self.write("none.json", {"recordingVersion": 1, "recordings": []})
        self.assert_bad_input(run_cbr("plan", none), f"{none}: has no recording")

    def test_names_do_no_harm(self):
        file = json.loads(self.text)
        file["recordings"][0]["ringName"] = "\x1b[2J\nbench: fake"
        file["device"] = "\x1b]0;x\x07"
        path = self.write("evil.json", file)
        for command in [["doctor", "--from"], ["plan"]]:
            run = run_cbr(*command, path)
            self.assert_success(run)
            self.assertNotIn("\x1b", run.stdout)
            self.assertNotIn("\nbench: fake", run.stdout)
            self.assertIn("\\x1b[2J\\nbench: fake", run.stdout)

    def test_time_in_proportion(self):
        # Labels that stand for many submissions, and a list of unknown names.
        count = 200_000
        column = [0] * count
        file = {"recordingVersion": 1, "recordings": [{"ringName": "x", "chunks": [
            {"start": 0, "deviceStart": 0, "serial": list(range(count)), "acquireBegin": column,
             "acquireEnd": column, "labels": ["x" * 1_000_000], "label": column,
             **{f"k{i}": 0 for i in range(100_000)}}]}]}
        run = run_cbr("doctor", "--from", self.write("big.json", file), timeout=60)
        self.assert_note(run, "and 99997 more")


if __name__ == "__main__":
    unittest.main()
