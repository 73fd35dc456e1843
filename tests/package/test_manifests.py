"""The manifests of other package managers say what the build says."""

import json
import re
import unittest

import yaml

from package_test import BUILD, SOURCE, run

CMAKE = (SOURCE / "CMakeLists.txt").read_text(encoding="utf-8")
VERSION = re.search(r"project\(cbr VERSION (\S+)", CMAKE).group(1)
MANIFEST = json.loads((SOURCE / "vcpkg.json").read_text(encoding="utf-8"))


class Manifests(unittest.TestCase):
    def test_versions_are_the_project_s(self):
        self.assertEqual(MANIFEST["version"], VERSION)
        python = (SOURCE / "pyproject.toml").read_text(encoding="utf-8")
        self.assertEqual(re.search(r'(?m)^version = "(.+)"$', python).group(1), VERSION)

    def test_each_feature_is_an_option_of_the_build(self):
        for name, feature in MANIFEST["features"].items():
            option = re.search(r"\((CBR_BUILD_\w+)\)", feature["description"]).group(1)
            self.assertEqual(option, f"CBR_BUILD_{name.upper()}")
            self.assertRegex(CMAKE, rf"option\({option}\b")
        self.assertLessEqual(set(MANIFEST["default-features"]), set(MANIFEST["features"]))

    def test_each_package_that_the_build_looks_for_is_a_dependency(self):
        names = {"fmt": "fmt", "nlohmann_json": "nlohmann-json", "yaml-cpp": "yaml-cpp",
                 "CLI11": "cli11", "OpenSSL": "openssl", "GTest": "gtest", "benchmark": "benchmark",
                 "PkgConfig": "pkgconf", "Vulkan": "vulkan-loader"}
        # The last two are for Python's package and its fuzzer, where they are there.
        not_packages = {"Threads", "Python", "Python3", "pybind11", "SPIRV-Tools",
                        "spirv_cross_c_shared"}
        dependencies = [*MANIFEST["dependencies"]]
        for feature in MANIFEST["features"].values():
            dependencies += feature.get("dependencies", [])
        listed = {each if isinstance(each, str) else each["name"] for each in dependencies}
        for folder in ["src", "workload", "tools", "tests", "verification", "benchmarks"]:
            for file in (SOURCE / folder).rglob("CMakeLists.txt"):
                found = re.findall(r"find_package\(([\w-]+)", file.read_text(encoding="utf-8"))
                for package in set(found) - not_packages:
                    self.assertIn(names.get(package), listed, f"{file}: {package}")


class Labels(unittest.TestCase):
    def test_each_test_says_of_what_kind_it_is(self):
        """What has no label is run after every change."""
        kinds = {"cli", "conformance", "docs", "examples", "package", "python", "thorough", "unit"}
        listed = json.loads(run("ctest", "--test-dir", BUILD, "--show-only=json-v1").stdout)["tests"]
        # Of a program that was not built, CTest knows no tests.
        tests = [test for test in listed if "command" in test]
        self.assertGreater(len(tests), 1000)
        for test in tests:
            labels = [each["value"] for each in test["properties"] if each["name"] == "LABELS"]
            self.assertEqual(len(labels), 1, test["name"])
            self.assertEqual(len(labels[0]), 1, test["name"])
            self.assertIn(labels[0][0], kinds, test["name"])


class Workflows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = sorted((SOURCE / ".github" / "workflows").glob("*.yml"))
        cls.jobs = [(f"{file.name}: {name}", job) for file in cls.files
                    for name, job in yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"].items()]

    def test_each_job_ends_some_time(self):
        self.assertTrue(self.jobs)
        for name, job in self.jobs:
            self.assertIn("timeout-minutes", job, name)
            # A step that may take longer than its job says something untrue.
            for step in job["steps"]:
                self.assertLessEqual(step.get("timeout-minutes", 0), job["timeout-minutes"], name)

    def test_a_pipe_fails_with_any_part_of_it(self):
        # GitHub's own choice of a shell ends at the last part alone.
        for file in self.files:
            self.assertEqual(yaml.safe_load(file.read_text(encoding="utf-8"))["defaults"],
                             {"run": {"shell": "bash"}}, file)

    def test_what_they_run_is_there(self):
        known = run(SOURCE / "dev", "help").stdout
        for name, job in self.jobs:
            for step in job["steps"]:
                for command in re.findall(r"\./dev(?: --yes)? (\S+)", step.get("run", "")):
                    self.assertRegex(known, rf"(?m)^  {command}\b", name)
                for preset in re.findall(r"--preset (\S+)", step.get("run", "")):
                    self.assertIn(f'"name": "{preset}"', (SOURCE / "CMakePresets.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
