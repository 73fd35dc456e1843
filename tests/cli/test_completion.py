"""What shells complete, asked of the shells themselves."""

import shutil
import subprocess
import unittest

from cbr_program import CbrTestCase, run_cbr


def needs(shell):
    """Skips a test where the shell is not installed."""
    return unittest.skipUnless(shutil.which(shell), f"{shell} is not installed")


class Completion(CbrTestCase):
    def script(self, shell):
        run = run_cbr("completion", shell)
        self.assert_success(run)
        path = self.folder / f"cbr.{shell}"
        path.write_text(run.stdout, encoding="utf-8")
        return path

    def shell(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, check=False)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 0)
        return done.stdout

    def bash(self, *words):
        """What bash offers for the last word."""
        quoted = " ".join(f"'{word}'" for word in words)
        # compopt works only where bash itself completes.
        return sorted(self.shell(
            "bash", "--norc", "-c", "compopt() { :; }; source \"$1\"; COMP_WORDS=(cbr " + quoted +
            "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _cbr; printf '%s\\n' \"${COMPREPLY[@]}\"",
            "bash", str(self.script("bash"))).split())

    def fish(self, line):
        """What fish offers for a command line."""
        output = self.shell("fish", "--no-config", "-c", f"source '{self.script('fish')}'; "
                            f"complete -C '{line}'")
        return sorted(each.split("\t")[0] for each in output.splitlines())

    def test_bash_completes_commands(self):
        self.assertEqual(self.bash(""), ["bench", "compare", "config", "doctor", "generate", "help",
                                         "plan", "report", "version"])
        self.assertEqual(self.bash("co"), ["compare", "config"])
        self.assertEqual(self.bash("config", ""), ["check", "example", "reference", "schema", "show"])

    def test_bash_completes_flags_of_their_command(self):
        self.assertEqual(self.bash("bench", "--ro"), ["--rounds"])
        self.assertEqual(self.bash("generate", "--ro"), [])
        self.assertEqual(self.bash("config", "show", "--js"), ["--json"])

    def test_bash_completes_values(self):
        (self.folder / "ring.yaml").touch()
        (self.folder / "rings").mkdir()
        self.assertEqual(self.bash("bench", "--wait-strategy", ""), ["adaptive", "block", "hybrid", "spin"])
        self.assertEqual(self.bash("bench", "--wait-strategy", "=", "s"), ["spin"])
        self.assertEqual(self.bash("bench", "--backend", "sim"), ["simulated"])
        self.assertEqual(self.bash("bench", "--config", "ring"), ["ring.yaml", "rings"])
        self.assertEqual(self.bash("bench", "--model", "ring"), ["rings"])
        self.assertEqual(self.bash("config", "check", "ring."), ["ring.yaml"])
        self.assertEqual(self.bash("bench", "--rounds", ""), [])

    @needs("fish")
    def test_fish_completes(self):
        self.assertEqual(self.fish("cbr co"), ["compare", "config"])
        self.assertEqual(self.fish("cbr config s"), ["schema", "show"])
        self.assertEqual(self.fish("cbr bench --wait-strategy "), ["adaptive", "block", "hybrid", "spin"])
        self.assertEqual(self.fish("cbr bench --rou"), ["--rounds"])
        self.assertEqual(self.fish("cbr generate --rou"), [])

    @needs("zsh")
    def test_zsh_reads_its_script(self):
        functions = self.shell("zsh", "-f", "-c", "_arguments() { :; }; source \"$1\"; "
                               "print -l ${(ok)functions}", "zsh", str(self.script("zsh")))
        for name in ["_cbr", "_cbr_bench", "_cbr_config_show"]:
            self.assertIn(f"{name}\n", functions)

    @needs("zsh")
    def test_zsh_knows_the_program_once_sourced(self):
        self.assertEqual(self.shell("zsh", "-f", "-c", "autoload -U compinit; compinit -u -D; "
                                    "source \"$1\"; print $_comps[cbr]", "zsh",
                                    str(self.script("zsh"))), "_cbr\n")

    def test_unknown_shell(self):
        self.assert_bad_input(run_cbr("completion", "csh"), '"csh" is none of bash, zsh and fish')


if __name__ == "__main__":
    unittest.main()
