"""find_package(cbr) of an installed package: its components, and what it says when one is missing."""

import unittest

from package_test import COMPILER, CONSUMER, PackageTestCase, run


class FindPackage(PackageTestCase):
    def configure(self, find, *flags, check=True):
        """Configures a project that has this find_package call and links the simulated example."""
        (self.folder / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(consumer LANGUAGES CXX)\n"
            f"{find}\nadd_executable(simulated {CONSUMER}/simulated.cpp)\n"
            "target_link_libraries(simulated PRIVATE cbr::cbr)\n"
            "get_target_property(type cbr::cbr TYPE)\nmessage(STATUS \"kind: ${type}\")\n"
            "message(STATUS \"metal: ${cbr_metal_FOUND}\")\n", encoding="utf-8")
        return run("cmake", "-S", self.folder, "-B", self.folder / "build", "-G", "Ninja",
                   "-D", f"CMAKE_CXX_COMPILER={COMPILER}", "-D", f"CMAKE_PREFIX_PATH={self.prefix}",
                   *flags, check=check)

    def assert_refused(self, find, text, *flags):
        done = self.configure(find, *flags, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(text, " ".join(done.stderr.split()))

    def build_and_run(self):
        run("cmake", "--build", self.folder / "build")
        self.assertIn("ring of 3: ", run(self.folder / "build" / "simulated").stdout)

    def test_shared(self):
        done = self.configure("find_package(cbr 0.1 REQUIRED COMPONENTS vulkan config shared)")
        self.assertIn("kind: SHARED_LIBRARY", done.stdout)
        self.build_and_run()

    def test_kind_follows_the_project(self):
        done = self.configure("find_package(cbr REQUIRED)", "-D", "BUILD_SHARED_LIBS=ON")
        self.assertIn("kind: SHARED_LIBRARY", done.stdout)
        done = self.configure("find_package(cbr REQUIRED)", "-D", "BUILD_SHARED_LIBS=OFF")
        self.assertIn("kind: STATIC_LIBRARY", done.stdout)
        done = self.configure("find_package(cbr REQUIRED COMPONENTS static)",
                              "-D", "BUILD_SHARED_LIBS=ON")
        self.assertIn("kind: STATIC_LIBRARY", done.stdout)

    def test_unknown_component(self):
        self.assert_refused("find_package(cbr REQUIRED COMPONENTS vulcan)",
                            "cbr has no component 'vulcan'; there are vulkan, config, recording, metal, "
                            "static, shared")

    def test_component_that_was_not_built(self):
        self.assert_refused("find_package(cbr REQUIRED COMPONENTS metal)",
                            "this cbr was built without its component 'metal'; it has static, "
                            "shared, vulkan, config, recording")

    def test_optional_component_may_be_missing(self):
        done = self.configure("find_package(cbr REQUIRED OPTIONAL_COMPONENTS metal)")
        self.assertIn("metal: FALSE", done.stdout)

    def test_both_kinds(self):
        self.assert_refused("find_package(cbr REQUIRED COMPONENTS static shared)",
                            "the components 'static' and 'shared' of cbr exclude each other")
        self.assert_refused("find_package(cbr REQUIRED COMPONENTS static)\n"
                            "find_package(cbr REQUIRED COMPONENTS shared)",
                            "cbr::cbr is there already and is no shared library")

    def test_static_configuration_needs_libraries(self):
        # One that is not there, and one that is not found.
        for missing in ["CMAKE_DISABLE_FIND_PACKAGE_yaml-cpp=ON", "cbr_utf8proc=OFF"]:
            with self.subTest(missing):
                self.assert_refused("find_package(cbr REQUIRED COMPONENTS config)",
                                    "needs yaml-cpp and utf8proc", "-D", missing)
                self.configure("find_package(cbr REQUIRED COMPONENTS config shared)", "-D", missing)

    def test_other_minor_version(self):
        self.assert_refused("find_package(cbr 0.2 REQUIRED)", "requested version \"0.2\"")


if __name__ == "__main__":
    unittest.main()
