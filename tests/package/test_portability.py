"""Which systems a wheel says that it runs on: files that ask for known and unknown versions of libraries."""

import pathlib
import sys
import tempfile
import unittest

from package_test import COMPILER, SOURCE, run

sys.path.insert(0, str(SOURCE / "python" / "build_backend"))
import portability  # noqa: E402


class Portability(unittest.TestCase):
    def glibc_minor(self, library, version):
        """Of a file that links this library and asks for this version of it."""
        with tempfile.TemporaryDirectory() as temporary:
            place = pathlib.Path(temporary)
            (place / "wheel").mkdir()
            (place / "given.c").write_text("void given(void) {}\n", encoding="utf-8")
            (place / "asks.c").write_text("void given(void);\nvoid asks(void) { given(); }\n", encoding="utf-8")
            (place / "versions").write_text(f"{version} {{ global: given; }};\n", encoding="utf-8")
            shared = [COMPILER, "-shared", "-fPIC", "-nostdlib"]
            run(*shared, "-x", "c", place / "given.c", "-o", place / "given.so",
                f"-Wl,-soname,{library},--version-script={place / 'versions'}")
            run(*shared, "-x", "c", place / "asks.c", "-x", "none", place / "given.so",
                "-o", place / "wheel" / "asks.so")
            return portability.glibc_minor(place / "wheel")

    def test_the_c_library(self):
        self.assertEqual(self.glibc_minor("libc.so.6", "GLIBC_2.2.5"), 17)
        self.assertEqual(self.glibc_minor("libc.so.6", "GLIBC_2.38"), 38)
        self.assertIsNone(self.glibc_minor("libc.so.6", "GLIBC_ABI_DT_RELR"))

    def test_the_cpp_library(self):
        self.assertEqual(self.glibc_minor("libstdc++.so.6", "GLIBCXX_3.4.19"), 17)
        self.assertEqual(self.glibc_minor("libstdc++.so.6", "GLIBCXX_3.4.20"), 34)
        self.assertEqual(self.glibc_minor("libstdc++.so.6", "GLIBCXX_3.4.30"), 35)
        self.assertIsNone(self.glibc_minor("libstdc++.so.6", "GLIBCXX_3.4.31"))
        self.assertEqual(self.glibc_minor("libstdc++.so.6", "CXXABI_1.3.8"), 34)
        self.assertEqual(self.glibc_minor("libstdc++.so.6", "CXXABI_1.3.13"), 34)
        self.assertIsNone(self.glibc_minor("libstdc++.so.6", "CXXABI_1.3.14"))

    def test_a_library_that_is_not_everywhere(self):
        self.assertIsNone(self.glibc_minor("libother.so.1", "OTHER_1"))


if __name__ == "__main__":
    unittest.main()
