"""The parts of the report's page that need no browser: report/test/*.test.ts."""

import subprocess
import unittest

from report_sources import REPORT, why_no_node


@unittest.skipIf(why_no_node(), why_no_node())
class Units(unittest.TestCase):
    def test_units(self):
        run = subprocess.run(["npm", "test", "--silent"], cwd=REPORT, capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertRegex(run.stdout, r"(?m)^# pass [1-9]|^. pass [1-9]")


if __name__ == "__main__":
    unittest.main()
