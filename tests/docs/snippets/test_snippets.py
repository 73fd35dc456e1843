"""Every code block of the pages, compiled or run. C++ is built with the tests; its cases are `docs.cpp…`.

What is not run says so in its page, and why; the reasons are printed."""

import contextlib
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import python_context
import shell
from code_blocks import SOURCE, all_code_blocks
from generate_cpp import SUFFIXES

PROGRAM = os.environ["CBR_PROGRAM"]
HANDLED = {*SUFFIXES, "python", "sh", "cmake", "yaml", "text"}


def blocks_and_what_they_print():
    """The Python of the pages, each with the text right behind it if that is what it prints."""
    blocks = all_code_blocks()
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.language == "python":
            yield block, following if is_printed_by_python(following) else None


def is_printed_by_python(block):
    return block is not None and block.note("printed-by") == "python"


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
    def setUp(self):
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(SOURCE)

    def run_block(self, block):
        with getattr(python_context, block.note("context", "nothing"))() as names:
            python_context.run(block, names)

    def test_runs(self):
        for block, shown in blocks_and_what_they_print():
            with self.subTest(block.place):
                printed = io.StringIO()
                with contextlib.redirect_stdout(printed if shown else sys.stdout):
                    self.run_block(block)
                if shown:
                    self.assertEqual(printed.getvalue(), shown.text, shown.place)


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
        blocks = [block for block in all_code_blocks("text")
                  if "printed-by" in block.notes and not is_printed_by_python(block)]
        self.assertGreater(len(blocks), 0)
        for block in blocks:
            with self.subTest(block.place):
                done = clone.run(block.note("printed-by"))
                self.assertEqual(done.stdout + done.stderr, block.text)


    def test_of_python_has_python_before_it(self):
        texts = [block.place for block in all_code_blocks() if is_printed_by_python(block)]
        self.assertGreater(len(texts), 0)
        self.assertEqual(texts, [shown.place for _, shown in blocks_and_what_they_print() if shown])


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
