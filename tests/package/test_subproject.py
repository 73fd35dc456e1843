"""The sources as a part of another project, with FetchContent or add_subdirectory."""

import pathlib
import shutil
import tempfile
import unittest

from package_test import COMPILER, CONSUMER, SOURCE, run

PROJECT = f"""
cmake_minimum_required(VERSION 3.25)
project(parent LANGUAGES CXX)
include(FetchContent)
FetchContent_Declare(cbr SOURCE_DIR {SOURCE})
FetchContent_MakeAvailable(cbr)
add_executable(simulated {CONSUMER}/simulated.cpp)
target_link_libraries(simulated PRIVATE cbr::cbr)
install(TARGETS simulated)
get_target_property(type cbr::cbr TYPE)
message(STATUS "kind: ${{type}}")
"""


class Subproject(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cbr-subproject-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "CMakeLists.txt").write_text(PROJECT, encoding="utf-8")

    def configure(self, *flags):
        launcher = ["-D", "CMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        return run("cmake", "-S", self.folder, "-B", self.folder / "build", "-G", "Ninja",
                   "-D", f"CMAKE_CXX_COMPILER={COMPILER}", *launcher, *flags).stdout

    def targets(self):
        lines = run("ninja", "-C", self.folder / "build", "-t", "targets", "all").stdout
        return {line.split(":")[0] for line in lines.splitlines()}

    def test_builds_the_library_and_nothing_else(self):
        self.configure("-D", "CBR_BUILD_VULKAN=OFF")
        names = {pathlib.Path(target).name for target in self.targets()}
        self.assertLessEqual({"simulated", "libcbr.a"}, names)
        for name in ["core_test", "cbr_tool", "ring_benchmark", "cbr_python", "libcbr.so",
                     "libcbr_config.a"]:
            self.assertNotIn(name, names)
        run("cmake", "--build", self.folder / "build")
        self.assertIn("ring of 3: ", run(self.folder / "build" / "simulated").stdout)
        # What the project installs is its own business.
        run("cmake", "--install", self.folder / "build", "--prefix", self.folder / "prefix")
        installed = {file.relative_to(self.folder / "prefix").as_posix()
                     for file in (self.folder / "prefix").rglob("*") if file.is_file()}
        self.assertEqual(installed, {"bin/simulated"})

    def test_takes_fmt_from_where_it_is_told_to(self):
        # A copy as FetchContent would have it, and none that find_package could find.
        copy = self.folder / "fmt"
        shutil.copytree("/usr/include/fmt", copy / "include" / "fmt")
        (copy / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(fmt LANGUAGES CXX)\n"
            "add_library(fmt-header-only INTERFACE)\n"
            "add_library(fmt::fmt-header-only ALIAS fmt-header-only)\n"
            "target_include_directories(fmt-header-only INTERFACE\n"
            "  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)\n",
            encoding="utf-8")
        self.configure("-D", "CBR_BUILD_VULKAN=OFF", "-D", "CMAKE_DISABLE_FIND_PACKAGE_fmt=ON",
                       "-D", f"FETCHCONTENT_SOURCE_DIR_FMT={copy}")
        run("cmake", "--build", self.folder / "build", "--target", "cbr_fmt")
        commands = run("ninja", "-C", self.folder / "build", "-t", "commands", "cbr_fmt").stdout
        self.assertIn(f"{copy}/include", commands)
        # Compiled once, and under a name of its own.
        self.assertIn("cbr_v9", commands)
        self.assertNotIn("FMT_HEADER_ONLY", commands)

    def test_installs_the_library_too_if_asked(self):
        self.configure("-D", "CBR_BUILD_VULKAN=OFF", "-D", "CBR_INSTALL=ON")
        script = (self.folder / "build" / "_deps" / "cbr-build" / "cmake_install.cmake")
        self.assertIn("libcbr.a", script.read_text(encoding="utf-8"))

    def test_shared_where_the_project_is(self):
        self.assertIn("kind: SHARED_LIBRARY", self.configure("-D", "BUILD_SHARED_LIBS=ON"))
        self.assertIn("kind: STATIC_LIBRARY", self.configure("-D", "BUILD_SHARED_LIBS=OFF"))


if __name__ == "__main__":
    unittest.main()
