"""Examples are for reading: short, and the first comment says how to run them."""

import os
import pathlib
import shutil
import subprocess

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = SOURCE / "examples"
PROGRAMS = sorted([*EXAMPLES.glob("vulkan/*.cpp"), *EXAMPLES.glob("python/*.py")])
LONGEST = 86
# A renderer, and the window that it draws into, which has to be made in plain Vulkan and X11.
LONGER = {"window.cpp": 150, "plain_window.h": 290}


def identify(path):
    return str(path.relative_to(EXAMPLES))


def test_all_are_in_the_index():
    assert len(PROGRAMS) == 10
    for index in (EXAMPLES / "README.md", SOURCE / "docs" / "guide" / "examples.md"):
        text = index.read_text(encoding="utf-8")
        assert not [path.name for path in PROGRAMS if path.name not in text], index


@pytest.mark.parametrize("path", sorted([*EXAMPLES.glob("vulkan/*"), *EXAMPLES.glob("python/*")]),
                         ids=identify)
def test_is_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGER.get(path.name, LONGEST)


@pytest.mark.parametrize("path", PROGRAMS, ids=identify)
def test_the_first_comment_says_how_to_run_it(path):
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        comment = text.split('"""')[1]
        assert text.startswith('"""') and f"python3 {path.relative_to(SOURCE)} " in comment
    else:
        comment = text.split("#include")[0]
        assert text.startswith("// ") and f"//   build/examples/{path.stem} " in comment


@pytest.mark.skipif(shutil.which("mypy") is None, reason="mypy is not installed")
def test_the_types_are_right(tmp_path):
    done = subprocess.run(["mypy", "--strict", "--ignore-missing-imports", "--cache-dir", tmp_path,
                           *EXAMPLES.glob("python/*.py")], capture_output=True, encoding="utf-8",
                          env={**os.environ, "MYPYPATH": str(SOURCE / "python")}, check=False)
    assert done.returncode == 0, done.stdout
