"""Runs the shell of the pages in a folder that looks like a clone that was built."""

import os
import pathlib
import shutil
import subprocess
import sys

from code_blocks import SOURCE

BUILD = pathlib.Path(os.environ["CBR_BUILD_DIR"])
TIME_LIMIT = 300


class Clone:
    """A folder with links to what a clone holds, so that what a block writes lies elsewhere; and a
    folder into which the build is installed."""

    def __init__(self, place):
        self.folder = place / "clone"
        self.prefix = place / "usr"
        self.folder.mkdir(parents=True)
        for entry in SOURCE.iterdir():
            if entry.name not in {"build", ".git"}:
                (self.folder / entry.name).symlink_to(entry)
        (self.folder / "build").mkdir()
        (self.folder / "build" / "release").symlink_to(BUILD)
        # What ./dev bench makes there is the same program.
        (self.folder / "build" / "bench").symlink_to(BUILD)
        # Pages say `python`, as in a virtual environment.
        (place / "bin").mkdir()
        (place / "bin" / "python").symlink_to(sys.executable)
        (place / "bin" / "python3").symlink_to(sys.executable)
        self.path = place / "bin"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", self.prefix], check=True,
                       stdout=subprocess.DEVNULL)

    def copy(self, name):
        """A copy of a folder of the clone, for what is written beside its files."""
        target = self.folder / "copies" / name
        shutil.copytree(self.folder / name, target, dirs_exist_ok=True)
        return target

    def environment(self):
        return {**{name: value for name, value in os.environ.items() if not name.startswith("CBR_")},
                "PATH": f"{self.path}:{BUILD}:{os.environ['PATH']}",
                "PYTHONPATH": str(BUILD / "python"),
                "PKG_CONFIG_PATH": str(self.prefix / "lib" / "pkgconfig"),
                "LD_LIBRARY_PATH": str(self.prefix / "lib")}

    def run(self, script, folder=None):
        """Runs a script to its end, or to its first error."""
        return subprocess.run(["bash", "-euo", "pipefail", "-c", script.replace("/usr/local", str(self.prefix))],
                              cwd=folder or self.folder, env=self.environment(), capture_output=True,
                              text=True, timeout=TIME_LIMIT, check=False)


def without(lines, left_out):
    """The lines but those that are just these commands. Raises ValueError where there is no such line."""
    commands = [line.split("#")[0].strip() for line in lines]
    for command in left_out:
        if command not in commands:
            raise ValueError(f"leaves out \"{command}\", which is not there")
    return [line for line, command in zip(lines, commands, strict=True) if command not in left_out]
