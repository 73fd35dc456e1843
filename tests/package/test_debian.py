"""The Debian packages, made and run in a root that holds what they depend on and nothing else."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from package_test import BUILD, make_root, run


def dependencies(package, known):
    """The installed packages that a package needs, those that these need included."""
    done = run("dpkg-query", "--show", "--showformat=${Depends}, ${Pre-Depends}\n", package)
    for name in re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)", done.stdout):
        installed = run("dpkg-query", "--show", "--showformat=${db:Status-Status}", name, check=False)
        if name not in known and installed.stdout.startswith("installed"):
            known.add(name)
            dependencies(name, known)


@unittest.skipUnless(os.geteuid() == 0, "chroot needs root")
@unittest.skipUnless(shutil.which("dpkg-shlibdeps") and shutil.which("file"),
                     "dpkg-shlibdeps or file is not installed")
class Debian(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="cbr-debian-"))
        cls.addClassCleanup(shutil.rmtree, cls.place)
        run("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", cls.place)
        cls.packages = {file.name.split("_")[0]: file for file in cls.place.glob("*.deb")}

    def field(self, package, name):
        return run("dpkg-deb", "--field", self.packages[package], name).stdout.strip()

    def contents(self, package):
        return run("dpkg-deb", "--contents", self.packages[package]).stdout

    def test_programs_run_with_what_they_depend_on(self):
        root = self.place / "root"
        known = set()
        for name in re.findall(r"(?:^|, )([a-z0-9+.-]+)", self.field("cbr", "Depends")):
            known.add(name)
            dependencies(name, known)
        make_root(root, sorted(known))
        self.assertFalse(list(root.rglob("libcbr*")))
        run("dpkg-deb", "--extract", self.packages["cbr"], self.place / "extracted")
        shutil.copytree(self.place / "extracted" / "usr", root / "usr", dirs_exist_ok=True)
        self.assertRegex(run("chroot", root, "/usr/bin/cbr", "--version").stdout,
                         r"^cbr \d+\.\d+\.\d+\n$")
        # No driver is there, so doctor fails; the simulated GPU works.
        doctor = subprocess.run(["chroot", root, "/usr/bin/cbr", "doctor"], capture_output=True,
                                text=True, check=False)
        self.assertEqual(doctor.returncode, 1, doctor.stderr)
        self.assertIn("vulkan: compiled in, but not usable", doctor.stdout)
        self.assertRegex(doctor.stdout, r"simulated: .*\n  self-test passed")

    def test_packages_are_those_of_the_components(self):
        self.assertLessEqual({"cbr", "libcbr-dev", "libcbr0.1"}, set(self.packages))
        self.assertIn("/usr/lib/libcbr.so.0.1.0", self.contents("libcbr0.1"))
        self.assertNotIn(".h\n", self.contents("libcbr0.1"))
        self.assertIn("/usr/share/zsh/vendor-completions/_cbr", self.contents("cbr"))
        for name in ["include/cbr/ring.h", "lib/libcbr.a", "lib/libcbr.so ->",
                     "lib/pkgconfig/cbr.pc", "lib/cmake/cbr/cbr-config.cmake"]:
            self.assertIn(f"/usr/{name}", self.contents("libcbr-dev"))
        self.assertIn("libcbr0.1 (= ", self.field("libcbr-dev", "Depends"))

    def test_each_package_says_what_it_is(self):
        kinds = {"cbr": "the command line", "libcbr0.1": "shared libraries",
                 "libcbr-dev": "headers and static libraries", "python3-cbr": "Python package"}
        for package in self.packages:
            with self.subTest(package=package):
                lines = self.field(package, "Description").splitlines()
                self.assertEqual(lines[0], f"ring of GPU command buffers: {kinds[package]}")
                self.assertGreater(len(lines), 1)
                folder = self.place / f"{package}.extracted"
                run("dpkg-deb", "--extract", self.packages[package], folder)
                text = (folder / f"usr/share/doc/{package}/copyright").read_text(encoding="utf-8")
                self.assertIn("/usr/share/common-licenses/Apache-2.0", text)

    def test_libraries_are_announced_to_the_linker_and_to_packages(self):
        control = self.place / "control"
        run("dpkg-deb", "--control", self.packages["libcbr0.1"], control)
        self.assertIn("ldconfig", (control / "triggers").read_text(encoding="utf-8"))
        self.assertIn("libcbr 0.1 libcbr0.1", (control / "shlibs").read_text(encoding="utf-8"))


if __name__ == "__main__":
    unittest.main()
