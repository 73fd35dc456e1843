"""The archive that is released: unpacked anywhere, its program runs with what every system has."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

from package_test import SOURCE, make_root, run

sys.path.insert(0, str(SOURCE / "python" / "build_backend"))
import portability  # noqa: E402

# Whose files a program of C++ finds on every Debian; apt needs them.
EVERYWHERE = ["libc6", "libgcc-s1", "libstdc++6"]


class Archive(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="cbr-archive-"))
        cls.addClassCleanup(shutil.rmtree, cls.place)
        run("cmake", "--preset", "package", cwd=SOURCE)
        run("cmake", "--build", "--preset", "package", cwd=SOURCE)
        run("cpack", "--preset", "package", "-B", cls.place / "made", cwd=SOURCE)
        (archive,) = (cls.place / "made").glob("*.tar.gz")
        cls.top = cls.place / "un packed" / archive.name.removesuffix(".tar.gz")
        with tarfile.open(archive) as opened:
            opened.extractall(cls.top.parent)

    def test_it_is_one_folder_that_says_what_it_is(self):
        self.assertEqual([each.name for each in self.top.parent.iterdir()], [self.top.name])
        self.assertRegex(self.top.name, r"^cbr-\d+\.\d+\.\d+-Linux-\w+$")
        for name in ["README.md", "LICENSE", "CHANGELOG.md", "docs/guide/start.md", "licences/libssl-dev",
                     "include/cbr/ring.h", "lib/libcbr.a", "lib/libcbr.so", "lib/pkgconfig/cbr.pc",
                     "lib/cmake/cbr/cbr-config.cmake", "share/bash-completion/completions/cbr",
                     "models/tiny-qwen2-kjv-4bit/model.safetensors"]:
            self.assertTrue((self.top / name).exists(), name)
        if shutil.which("help2man"):
            self.assertTrue((self.top / "share/man/man1/cbr-bench.1.gz").exists())

    def test_nothing_in_it_says_where_it_was_built(self):
        for file in portability.compiled_files(self.top):
            for path in portability.search_paths(file):
                self.assertEqual(path, "$ORIGIN", file)
        for file in [*self.top.rglob("*.pc"), *self.top.rglob("*.cmake")]:
            self.assertNotIn(str(SOURCE), file.read_text(encoding="utf-8"), file)

    def test_the_program_links_what_every_system_has(self):
        for name in portability.needed(self.top / "bin" / "cbr"):
            self.assertRegex(name, portability.ALLOWED)

    def test_the_program_runs_where_it_was_unpacked(self):
        self.assertRegex(run(self.top / "bin" / "cbr", "--version", cwd=self.top).stdout,
                         r"^cbr \d+\.\d+\.\d+\n$")
        bench = run(self.top / "bin" / "cbr", "bench", "--backend", "simulated", cwd="/").stdout
        self.assertIn("ring size 2 gave 2.00×", bench)

    @unittest.skipUnless(os.path.exists("/usr/share/vulkan/icd.d"), "no Vulkan driver is installed")
    def test_it_brings_the_model_that_the_program_is_tried_with(self):
        text = run("bin/cbr", "generate", "--model", "models/tiny-qwen2-kjv-4bit", "--prompt",
                   "In the beginning", "--max-tokens", "4", cwd=self.top).stdout
        self.assertRegex(text, r"[a-z]{3}")

    @unittest.skipUnless(os.geteuid() == 0, "chroot needs root")
    @unittest.skipUnless(shutil.which("dpkg-query"), "not on Debian")
    def test_it_runs_in_a_root_with_nothing_else(self):
        root = self.place / "root"
        make_root(root, EVERYWHERE)
        shutil.copytree(self.top, root / "opt", symlinks=True)
        done = subprocess.run(["chroot", root, "/opt/bin/cbr", "bench"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        # One line says why nothing was measured on a GPU.
        self.assertRegex(done.stderr, r"^cbr: note: vulkan: no Vulkan library: .* simulated instead\n$")
        self.assertTrue(re.search("ring size 2 gave 2.00×", done.stdout))


if __name__ == "__main__":
    unittest.main()
