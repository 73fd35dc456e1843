"""report/dist/report.html, which is kept in the repository, is what its sources make."""

import hashlib
import re
import subprocess
import unittest

from report_sources import PAGE, REPORT, why_no_node


def source_hash():
    """As report/build.mjs computes it."""
    files = ["build.mjs", "package-lock.json", "package.json", "tsconfig.json"]
    files += [path.relative_to(REPORT).as_posix() for path in (REPORT / "src").rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(f"{name}\n".encode() + (REPORT / name).read_bytes() + b"\n")
    return digest.hexdigest()


class UpToDate(unittest.TestCase):
    def setUp(self):
        self.page = PAGE.read_text(encoding="ascii")

    def test_is_of_these_sources(self):
        self.assertIn(f"sources: {source_hash()}\n", self.page,
                      "report/dist/report.html is older than its sources: run ./dev report")

    def test_can_be_embedded(self):
        self.assertEqual(self.page.count("{{data}}"), 1)
        self.assertNotIn(')page"', self.page)

    def test_loads_nothing(self):
        self.assertIn("default-src 'none'", self.page)
        before_script = self.page[:self.page.index('<script type="application/json"')]
        self.assertEqual(re.findall(r'(?:src|href|url)\s*[=(]\s*["\']?(?!data:)\w+', before_script), [])

    def test_names_the_licences_of_what_is_in_it(self):
        for package in ["@observablehq/plot", "d3-scale", "d3-shape"]:
            self.assertRegex(self.page, re.escape(package) + r" \d")
        self.assertIn("Permission to use, copy, modify, and/or distribute this software", self.page)

    @unittest.skipIf(why_no_node(), why_no_node())
    def test_is_what_the_build_makes(self):
        run = subprocess.run(["npm", "run", "--silent", "check"], cwd=REPORT, capture_output=True, text=True,
                             check=False)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
