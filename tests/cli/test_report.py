"""cbr report: what it takes, and that bad input writes nothing."""

import json
import re
import unittest

from cbr_program import SIMULATED, CbrTestCase, run_cbr

BENCH = ["bench", *SIMULATED, "--rounds", "2", "--ring-size", "1,3"]


def data_of(page):
    """The data in a page, as a browser finds them."""
    return json.loads(re.search(r'<script type="application/json" id="report-data">(.*?)</script>', page, re.S)[1])


class Report(CbrTestCase):
    def setUp(self):
        super().setUp()
        self.steps = self.folder / "steps.json"
        self.result = self.folder / "result.json"
        self.page = self.folder / "report.html"
        self.assert_success(run_cbr(*BENCH, "--record", self.steps, "--output", self.result))

    def report(self, *files):
        run = run_cbr("report", *files, "-o", self.page)
        self.assert_success(run)
        self.assertEqual(run.stdout, "")
        return data_of(self.page.read_text(encoding="utf-8"))

    def test_of_recordings(self):
        data = self.report(self.steps)
        self.assertEqual(data["results"], [])
        self.assertEqual([each["ringSize"] for each in data["recordings"]], [1, 3])
        first = data["recordings"][0]
        self.assertEqual((first["file"], first["device"]), ("steps.json", "the simulated device"))
        chunk = json.loads(self.steps.read_text(encoding="utf-8"))["recordings"][0]["chunks"][0]
        for name in ["serial", "acquireBegin", "acquireEnd", "submitBegin", "submitEnd", "gpuStart", "gpuEnd"]:
            self.assertEqual(first["submissions"][name], chunk[name], name)
        gaps = first["gpu"]["gaps"]
        self.assertEqual(len(set(first["idle"]["submission"])), gaps)
        idle = sum(first["idle"]["end"]) - sum(first["idle"]["begin"])
        self.assertEqual(idle, first["gpu"]["idle"])
        doctor = json.loads(run_cbr("doctor", "--from", self.steps, "--json").stdout)
        self.assertEqual(first["findings"], doctor["recordings"][0]["findings"])

    def test_of_a_result(self):
        data = self.report(self.result)
        result = self.read_result(self.result)
        self.assertEqual(data["recordings"], [])
        self.assertEqual(data["results"][0]["verdict"], result["verdict"])
        for shown, run in zip(data["results"][0]["runs"], result["runs"]):
            self.assertEqual(shown["samples"], run["samples"]["stepsPerSec"])
            self.assertEqual(shown["busyFraction"], run["gpu"]["busyFraction"])
            low, high = shown["rateCi95"]
            self.assertTrue(low <= run["stepsPerSec"]["mean"] <= high)
        self.assertEqual(data["results"][0]["runs"][1]["speedup"], result["comparison"][0]["speedup"])
        self.assertEqual(data["results"][0]["runs"][0]["findings"][0]["kind"], "ring_too_small")

    def test_of_both_and_of_several(self):
        data = self.report(self.result, self.steps, self.steps)
        self.assertEqual((len(data["results"]), len(data["recordings"])), (1, 4))

    def test_bench_writes_the_same(self):
        expected = self.report(self.result, self.steps)
        run = run_cbr(*BENCH, "--report", "-")
        self.assert_success(run)
        data = data_of(run.stdout)
        for result in [data["results"][0], expected["results"][0]]:
            result["timestamp"] = result["file"] = ""
        for recording in expected["recordings"]:
            recording["file"] = ""
        self.assertEqual(data, expected)
        self.page.unlink()
        self.assertEqual(run_cbr(*BENCH, "--report", self.page).stdout, run_cbr(*BENCH).stdout)
        self.assertEqual(len(data_of(self.page.read_text(encoding="utf-8"))["recordings"]), 2)
        self.assert_bad_input(run_cbr(*BENCH, "--report", "-", "--output", "-"), "--output and --report", "(-)")
        self.assert_bad_input(run_cbr(*BENCH, "--report", self.page, "--record", self.page), "both are")

    def test_standard_streams(self):
        expected = self.report(self.steps)
        run = self.piped(self.steps.read_text(encoding="utf-8"), "report", "-", "-o", "-")
        self.assert_success(run)
        piped = data_of(run.stdout)
        self.assertEqual(piped["recordings"][0]["file"], "standard input")
        self.assertEqual(piped["recordings"][0]["submissions"], expected["recordings"][0]["submissions"])
        run = self.piped(self.result.read_text(encoding="utf-8"), "report", "-", "-o", "-")
        self.assertEqual(len(data_of(run.stdout)["results"]), 1)

    def test_names_stay_data(self):
        file = json.loads(self.steps.read_text(encoding="utf-8"))
        name = "</script><script>alert(1)</script><!--"
        file["device"] = file["recordings"][0]["ringName"] = name
        self.steps.write_text(json.dumps(file), encoding="utf-8")
        data = self.report(self.steps)
        self.assertEqual(data["recordings"][0]["ringName"], name)
        self.assertNotIn("alert(1)</script>", self.page.read_text(encoding="utf-8"))

    def test_a_cut_file_says_so_in_the_page(self):
        text = self.steps.read_text(encoding="utf-8")
        self.steps.write_text(text[:text.rindex('{"ringName"') + 60], encoding="utf-8")
        run = run_cbr("report", self.steps, "-o", self.page)
        self.assertEqual((run.returncode, run.stderr.count("\n")), (0, 1), run.stderr)
        notes = data_of(self.page.read_text(encoding="utf-8"))["notes"]
        self.assertEqual(len(notes), 1)
        self.assertTrue(notes[0].startswith("steps.json: left out: "), notes)

    def test_bad_input_writes_nothing(self):
        def refuse(files, *fragments, output=self.page):
            self.assert_bad_input(run_cbr("report", *files, "-o", output), *fragments)
            self.assertFalse(self.page.exists())
        refuse([self.folder / "none.json"], "none.json")
        refuse([self.steps, self.folder], self.folder)
        bad = self.folder / "bad.json"
        for text, fragment in [("", "is empty"), ("[]", "bad.json"), ("{}", "recordingVersion: is missing"),
                               ('{"recordingVersion": 1, "recordings": []}', "has no recording"),
                               ('{"schemaVersion": 1}', "is missing"), ('{"schemaVersion": 9}', "schemaVersion")]:
            bad.write_text(text, encoding="utf-8")
            refuse([self.steps, bad], fragment)
        result = json.loads(self.result.read_text(encoding="utf-8"))
        result["runs"][1]["ring"]["gpu"]["idleSeconds"] = -1
        bad.write_text(json.dumps(result), encoding="utf-8")
        refuse([bad], "bad.json: runs[1].ring.gpu.idleSeconds: is -1")
        refuse(["-", "-"], "standard input (-)")
        refuse([self.steps], "missing", output=self.folder / "missing" / "report.html")
        refuse([self.steps], "is a file that is read", output=self.steps)
        self.assert_bad_input(run_cbr("report", self.steps), "--output")
        self.assert_bad_input(run_cbr("report", "-o", self.page), "FILE")


if __name__ == "__main__":
    unittest.main()
