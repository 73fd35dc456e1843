"""Programs built against an installed package, with pkg-config and with the compiler alone."""

import shutil
import unittest

from package_test import COMPILER, CONSUMER, PackageTestCase, run


def needed_libraries(program):
    """The sonames that a program or a library needs."""
    lines = run("readelf", "-d", program).stdout.splitlines()
    return [line.split("[")[1].rstrip("]") for line in lines if "(NEEDED)" in line]


class Consumers(PackageTestCase):
    def compile(self, source, *flags):
        program = self.folder / source.removesuffix(".cpp")
        run(COMPILER, "-std=c++20", CONSUMER / source, "-o", program, *flags)
        return program

    def flags_of(self, *arguments):
        done = run("pkg-config", *arguments,
                   env={"PKG_CONFIG_PATH": str(self.prefix / "lib" / "pkgconfig")})
        return done.stdout.split()

    def run_shared(self, program, *arguments):
        return run(program, *arguments, env={"LD_LIBRARY_PATH": str(self.prefix / "lib")}).stdout

    def assert_simulated(self, output):
        self.assertRegex(output, r"ring of 1: [\d.]+ ms\nring of 2: [\d.]+ ms\nring of 3: ")

    def test_plain_compiler_shared(self):
        program = self.compile("simulated.cpp", f"-I{self.prefix}/include", f"-L{self.prefix}/lib",
                               "-lcbr")
        self.assertIn("libcbr.so.0.1", needed_libraries(program))
        self.assert_simulated(self.run_shared(program))

    def test_plain_compiler_static(self):
        program = self.compile("simulated.cpp", f"-I{self.prefix}/include",
                               self.prefix / "lib" / "libcbr.a", "-pthread")
        self.assertNotIn("libcbr.so.0.1", needed_libraries(program))
        self.assert_simulated(run(program).stdout)

    def test_pkg_config_shared(self):
        program = self.compile("configured.cpp", *self.flags_of("--cflags", "--libs", "cbr-config"))
        self.assertIn("libcbr_config.so.0.1", needed_libraries(program))
        self.assertIn("10 steps with 2 slots", self.run_shared(program))
        example = self.prefix / "share" / "cbr" / "config.example.yaml"
        self.assertIn("10 steps with 3 slots", self.run_shared(program, example))

    def test_pkg_config_static(self):
        program = self.compile("configured.cpp", "-static",
                               *self.flags_of("--static", "--cflags", "--libs", "cbr-config"))
        self.assertEqual(needed_libraries(program), [])
        self.assertIn("10 steps with 2 slots", run(program).stdout)

    def test_pkg_config_links_vulkan_without_its_library(self):
        program = self.compile("on_vulkan.cpp", *self.flags_of("--cflags", "--libs", "cbr-vulkan"))
        self.assertIn("libcbr_vulkan.so.0.1", needed_libraries(program))
        self.assertNotIn("libvulkan.so.1", needed_libraries(program))

    def test_pkg_config_follows_the_prefix(self):
        elsewhere = self.folder / "elsewhere"
        shutil.copytree(self.prefix / "lib" / "pkgconfig", elsewhere / "lib" / "pkgconfig")
        done = run("pkg-config", "--variable=includedir", "cbr",
                   env={"PKG_CONFIG_PATH": str(elsewhere / "lib" / "pkgconfig")})
        self.assertIn(str(elsewhere), done.stdout)

    def test_headers_need_no_more_than_the_package(self):
        for header in sorted((self.prefix / "include" / "cbr").glob("*.h")):
            with self.subTest(header=header.name):
                run(COMPILER, "-std=c++20", "-fsyntax-only", f"-I{self.prefix}/include", "-x", "c++",
                    header)


if __name__ == "__main__":
    unittest.main()
