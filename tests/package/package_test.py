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


def make_root(root, packages):
    """Makes a folder to chroot into, which holds of these Debian packages the shared libraries, and nothing else."""
    (root / "usr").mkdir(parents=True)
    for name in ["lib", "lib64", "bin", "sbin"]:
        (root / "usr" / name).mkdir()
        (root / name).symlink_to(f"usr/{name}")
    for package in packages:
        for line in run("dpkg-query", "--listfiles", package).stdout.splitlines():
            source = pathlib.Path(line)
            target = root / line.lstrip("/")
            if ".so" in source.name and not source.is_dir() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)


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
