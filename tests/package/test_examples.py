"""examples/vulkan as a project of its own, against an installed package."""

import unittest

from package_test import COMPILER, SOURCE, PackageTestCase, run

EXAMPLES = SOURCE / "examples" / "vulkan"


class Examples(PackageTestCase):
    def configure(self, *flags, check=True):
        return run("cmake", "-S", EXAMPLES, "-B", self.folder, "-G", "Ninja", "-D",
                   f"CMAKE_CXX_COMPILER={COMPILER}", *flags, check=check)

    def test_they_build_and_run(self):
        self.configure("-D", f"CMAKE_PREFIX_PATH={self.prefix}", "-D",
                       "CMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
        run("cmake", "--build", self.folder)
        self.assertIn("100 steps through 3 slots, all right", run(self.folder / "minimal").stdout)
        before, after = (run(self.folder / f"frames_{how}").stdout
                         for how in ("by_hand", "with_ring"))
        self.assertEqual(before, after)

    def test_without_the_package_they_say_what_is_missing(self):
        done = self.configure(check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('provided by "cbr"', done.stderr)


if __name__ == "__main__":
    unittest.main()
