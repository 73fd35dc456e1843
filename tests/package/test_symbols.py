"""What the shared libraries export, against the lists in packaging/abi."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from package_test import COMPILER, SOURCE, run

LIBRARIES = os.environ["CBR_SHARED_LIBRARIES"].split(",")
sys.path.insert(0, str(SOURCE / "packaging" / "abi"))

import symbols  # noqa: E402  (found through the path above)


class Symbols(unittest.TestCase):
    def test_exports_are_those_listed(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                self.assertEqual(symbols.differences(library), [])

    def test_every_library_has_a_version_of_its_own(self):
        for library in LIBRARIES:
            with self.subTest(library=library):
                name = pathlib.Path(library).name
                self.assertIn(f"[{name}.0.1]", run("readelf", "-d", library).stdout)

    def test_a_name_gone_and_a_new_name_are_noticed(self):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "lib.cpp"
            source.write_text("namespace cbr { void surprise() {} }\n", encoding="utf-8")
            library = pathlib.Path(folder) / "libcbr.so"
            run(COMPILER, "-shared", "-fPIC", source, "-o", library)
            done = subprocess.run([symbols.FOLDER / "symbols.py", library], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("+cbr::surprise()", done.stdout)
            self.assertIn("-cbr::CommandBufferRing::drain()", done.stdout)


if __name__ == "__main__":
    unittest.main()
