"""Reports as Chromium shows them: report/test/page.mjs looks at what cbr report wrote."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from report_sources import REPORT, browser, why_no_node

PROGRAM = os.environ["CBR_PROGRAM"]
BENCH = [PROGRAM, "bench", "--backend", "simulated", "--ring-size", "1,3", "--rounds", "3"]
HOSTILE = "</script><img src=x onerror=hacked=1><script>hacked=1</script><!--"


def run(*command):
    subprocess.run([*map(str, command)], check=True, capture_output=True, text=True)


class Page(unittest.TestCase):
    @unittest.skipIf(why_no_node(), why_no_node())
    @unittest.skipUnless(browser(), "chromium is not installed")
    def test_in_a_browser(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            steps, result = folder / "steps.json", folder / "bench.result.json"
            run(*BENCH, "--steps", "600", "--record", steps, "--output", result)
            run(PROGRAM, "report", result, steps, "-o", folder / "bench.html")
            run(PROGRAM, "report", steps, "-o", folder / "recordings.html")
            evil = json.loads(steps.read_text(encoding="utf-8"))
            evil["device"] = HOSTILE
            for recording in evil["recordings"]:
                recording["ringName"] = HOSTILE
                for chunk in recording["chunks"]:
                    chunk["labels"] = [HOSTILE]
                    chunk["label"] = [0] * len(chunk["serial"])
            (folder / "evil.json").write_text(json.dumps(evil), encoding="utf-8")
            run(PROGRAM, "report", folder / "evil.json", "-o", folder / "evil.html")
            run(*BENCH, "--steps", "20000", "--record", steps)
            run(PROGRAM, "report", steps, "-o", folder / "large.html")
            pages = [folder / f"{page}.html" for page in ["bench", "recordings", "evil", "large"]]
            look = subprocess.run(["node", REPORT / "test" / "page.mjs", browser(), *pages], capture_output=True,
                                  text=True, check=False, timeout=500)
            self.assertEqual(look.returncode, 0, look.stdout + look.stderr)
            self.assertIn("ok - on paper it is light", look.stdout)


if __name__ == "__main__":
    unittest.main()
