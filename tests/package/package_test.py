"""What the tests of the package share: an install of the build into a temporary prefix."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["CBR_BUILD_DIR"])
SOURCE = pathlib.Path(os.environ["CBR_SOURCE_DIR"])
COMPILER = os.environ["CBR_CXX_COMPILER"]
CONSUMER = SOURCE / "examples" / "consumer"


def run(*command, env=None, check=True, cwd=None):
    """Runs a command to its end. Unless told otherwise, a failure is the test's, with its output."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          env={**os.environ, **(env or {})}, cwd=cwd, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{command} failed ({done.returncode}):\n{done.stdout}{done.stderr}")
    return done


def install(prefix):
    """Installs what was built."""
    run("cmake", "--install", BUILD, "--prefix", prefix)


class PackageTestCase(unittest.TestCase):
    """Tests with an install in self.prefix, made once and then moved, so that nothing can depend on
    where it was installed to. Each test has an empty folder of its own, self.folder."""

    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="cbr-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.place)
        install(cls.place / "installed")
        cls.prefix = cls.place / "moved"
        (cls.place / "installed").rename(cls.prefix)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=self.place))
