"""How mutants.py reads its list and the output of tests."""

import pathlib
import tempfile
import unittest

import mutants

ENTRY = mutants.Mutation(name="off_by_one", bug="one too many", file="a.cpp", old="i < n", new="i <= n")


def output(*lines):
    return "\n".join(lines) + "\n"


class Mutating(unittest.TestCase):
    def test_replaces_the_one_place(self):
        self.assertEqual(mutants.mutated(ENTRY, "while (i < n)"), "while (i <= n)")

    def test_an_entry_that_does_not_fit_is_named(self):
        for text in ("while (i != n)", "i < n; i < n"):
            with self.assertRaisesRegex(mutants.Failure, "off_by_one is stale.* [02] times in a.cpp"):
                mutants.mutated(ENTRY, text)

    def test_all_that_do_not_fit_are_named(self):
        other = mutants.Mutation(name="gone", bug="", file="b.cpp", old="x", new="y")
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "a.cpp").write_text("nothing of the kind")
            with self.assertRaisesRegex(mutants.Failure, "(?s)off_by_one is stale.*gone is stale"):
                mutants.check_fresh([ENTRY, other], root)
            (root / "a.cpp").write_text("i < n")
            mutants.check_fresh([ENTRY], root)


class Reading(unittest.TestCase):
    def read(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "list.toml"
            path.write_text(text)
            return mutants.read_mutations(path)

    def test_the_shipped_list_has_enough(self):
        shipped = pathlib.Path(mutants.__file__).with_name("mutations.toml")
        self.assertGreaterEqual(len(mutants.read_mutations(shipped)), 24)

    def test_a_missing_field_is_an_error(self):
        with self.assertRaisesRegex(mutants.Failure, "mutation 1 has"):
            self.read('[[mutation]]\nname = "a"\n')

    def test_a_name_used_twice_is_an_error(self):
        entry = "[[mutation]]\nname = 'a'\nbug = ''\nfile = ''\nold = ''\nnew = ''\n"
        with self.assertRaisesRegex(mutants.Failure, "more than one mutation is called a"):
            self.read(entry + entry)


class Killers(unittest.TestCase):
    passed = output("[ RUN      ] A.First", "[       OK ] A.First (0 ms)")

    def test_a_failure_is_the_tests_that_failed(self):
        text = self.passed + output("[ RUN      ] A.Second", "[  FAILED  ] A.Second (1 ms)")
        self.assertEqual(mutants.killer(text, 1), mutants.Kill("A.Second"))

    def test_a_parameter_is_not_part_of_the_name(self):
        text = output("[ RUN      ] B/A.C/gpu", "[  FAILED  ] B/A.C/gpu, where GetParam() = gpu (0 ms)")
        self.assertEqual(mutants.killer(text, 1), mutants.Kill("B/A.C/gpu"))

    def test_a_crash_is_the_last_tests_that_ran(self):
        text = self.passed + output("[ RUN      ] A.Second")
        self.assertEqual(mutants.killer(text, -11), mutants.Kill("A.Second", "it ended with SIGSEGV"))

    def test_a_hang_says_so(self):
        text = self.passed + output("[ RUN      ] A.Second")
        self.assertEqual(mutants.killer(text, None), mutants.Kill("A.Second", "it hung"))

    def test_an_end_before_the_first_test(self):
        kill = mutants.killer("", 127)
        self.assertEqual(kill, mutants.Kill("(before the first test)", "it ended with status 127"))


if __name__ == "__main__":
    unittest.main()
