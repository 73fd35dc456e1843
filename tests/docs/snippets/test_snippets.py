"""Every code block of the pages, compiled or run. C++ is built with the tests; its cases are `docs.cpp…`.

What is not run says so in its page, and why; the reasons are printed."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import python_context
import shell
from code_blocks import SOURCE, all_code_blocks
from generate_cpp import SUFFIXES

PROGRAM = os.environ["CBR_PROGRAM"]
HANDLED = {*SUFFIXES, "python", "sh", "cmake", "yaml", "text"}


class Pages(unittest.TestCase):
    def test_every_block_has_a_language_that_is_tried(self):
        for block in all_code_blocks():
            with self.subTest(block.place):
                self.assertIn(block.language, HANDLED)

    def test_there_are_blocks(self):
        for language in HANDLED - {"c++"}:
            with self.subTest(language):
                self.assertGreater(len(all_code_blocks(language)), 0)


class Python(unittest.TestCase):
    def test_runs(self):
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(SOURCE)
        for block in all_code_blocks("python"):
            with self.subTest(block.place), getattr(python_context, block.note("context", "nothing"))() as names:
                python_context.run(block, names)


class Yaml(unittest.TestCase):
    def test_is_a_configuration(self):
        for block in all_code_blocks("yaml"):
            with self.subTest(block.place), tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / "ring.yaml"
                file.write_text(block.text, encoding="utf-8")
                done = subprocess.run([PROGRAM, "config", "check", file], capture_output=True,
                                      text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


place = clone = None


def setUpModule():
    """Blocks work on a clone or on an installed library; one of each will do for all."""
    global place, clone
    place = pathlib.Path(tempfile.mkdtemp(prefix="cbr-docs-"))
    unittest.addModuleCleanup(shutil.rmtree, place)
    clone = shell.Clone(place)


class RunTestCase(unittest.TestCase):
    def assert_succeeds(self, done):
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Shell(RunTestCase):
    def test_runs(self):
        for block in all_code_blocks("sh"):
            with self.subTest(block.place):
                left_out = block.notes.get("leaves-out", [])
                script = "\n".join(shell.without(block.text.splitlines(), left_out))
                for command in left_out:
                    print(f"{block.place}: {command}: not run: {block.note('because')}")
                context = block.note("context")
                folder = clone.copy(context) if context else None
                self.assert_succeeds(clone.run(script, folder))

    def test_commands_of_dev_are_there(self):
        """Those that are left out too."""
        known = clone.run("./dev help").stdout
        for block in all_code_blocks("sh"):
            for line in block.text.splitlines():
                if line.startswith("./dev "):
                    with self.subTest(f"{block.place}: {line}"):
                        self.assertRegex(known, rf"(?m)^  {line.split()[1]}\b")


class Text(unittest.TestCase):
    def test_is_what_the_command_prints(self):
        blocks = [block for block in all_code_blocks("text") if "printed-by" in block.notes]
        self.assertGreater(len(blocks), 0)
        for block in blocks:
            with self.subTest(block.place):
                done = clone.run(block.note("printed-by"))
                self.assertEqual(done.stdout + done.stderr, block.text)


class Cmake(RunTestCase):
    def test_builds(self):
        program = next(block for block in all_code_blocks("cpp") if "int main(" in block.text)
        for block in all_code_blocks("cmake"):
            with self.subTest(block.place), tempfile.TemporaryDirectory(dir=place) as name:
                folder = pathlib.Path(name)
                (folder / "app.cpp").write_text(program.text, encoding="utf-8")
                (folder / "CMakeLists.txt").write_text(
                    "cmake_minimum_required(VERSION 3.25)\nproject(app LANGUAGES CXX)\n" + block.text,
                    encoding="utf-8")
                self.assert_succeeds(clone.run(
                    f"cmake -S . -B build -G Ninja -D CMAKE_PREFIX_PATH='{clone.prefix}'\n"
                    "cmake --build build\n./build/app", folder))


if __name__ == "__main__":
    unittest.main()
