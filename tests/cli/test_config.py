"""cbr config, and --config of the other commands."""

import array
import fcntl
import json
import re
import signal
import subprocess
import termios
import time
import unittest

import jsonschema
import yaml

from cbr_program import MODEL, PROGRAM, SIMULATED, SOURCE, CbrTestCase, needs_vulkan, run_cbr

REFERENCE = SOURCE / "docs" / "reference"

# The block that users have in their files, as it stands.
DOCUMENT = """\
metal_optimizations:
  enabled: true
  graceful_fallback: true
  command_buffer_ring:
    enabled: true
    ring_size: 3              # or auto
    timeout_ms: 0             # 0 waits for ever
    log_wait_events: false
    track_statistics: true
    allocation_strategy: round-robin   # or least-busy, priority
    priority_levels: 3
"""

# Set by the program, not by a file.
CODE_ONLY = {"log_sink", "executor", "interrupt_check", "observer"}


def dedent_section(text):
    """The section without its outer key."""
    return re.sub(r"(?m)^  ", "", text.split("\n", 1)[1])


class ConfigTestCase(CbrTestCase):
    def write(self, text, name="ring.yaml"):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def show(self, *arguments, env=None):
        """The options by name, from --json."""
        run = run_cbr("config", "show", "--json", *arguments, env=env)
        self.assertEqual(run.returncode, 0, run.stderr)
        return {option["name"]: option for option in json.loads(run.stdout)["options"]}


class Show(ConfigTestCase):
    def test_the_documents_block(self):
        path = self.write(DOCUMENT)
        for text, line in [(DOCUMENT, 6), (dedent_section(DOCUMENT), 5),
                           (DOCUMENT.replace("metal_", "gpu_"), 6)]:
            path.write_text(text, encoding="utf-8")
            run = run_cbr("config", "show", "--config", path)
            self.assert_success(run)
            self.assertRegex(run.stdout,
                             rf"(?m)^command_buffer_ring\.ring_size +3 +{re.escape(str(path))}"
                             rf":{line}$")
            self.assertRegex(run.stdout, r"(?m)^backend +auto +default$")

    def test_origins_override_each_other(self):
        path = self.write("command_buffer_ring: {ring_size: 2, timeout_ms: 5, ageing_limit: 9}\n")
        options = self.show("--config", path, "--timeout-ms", "7",
                            env={"CBR_TIMEOUT_MS": "6", "CBR_RING_SIZE": "4"})
        self.assertEqual(options["ageing_limit"]["value"], 9)
        self.assertEqual(options["ageing_limit"]["origin"],
                         {"kind": "file", "name": str(path), "line": 1, "column": 66})
        self.assertEqual(options["ring_size"]["value"], 4)
        self.assertEqual(options["ring_size"]["origin"],
                         {"kind": "environment", "name": "CBR_RING_SIZE"})
        self.assertEqual(options["timeout_ms"]["value"], 7)
        self.assertEqual(options["timeout_ms"]["origin"], {"kind": "flag", "name": "--timeout-ms"})
        self.assertEqual(options["name"]["origin"], {"kind": "default"})

    def test_every_option_by_variable_and_flag(self):
        for name, option in self.show().items():
            value = option["value"]
            if isinstance(value, bool):
                other = not value
            elif isinstance(value, list):
                continue  # needs others: below
            elif name == "queues":
                other = 2
            elif isinstance(value, int) or value == "auto" and name == "spin_limit":
                other = 7
            else:
                other = {"backend": "vulkan", "allocation_strategy": "priority",
                         "wait_strategy": "spin", "gpu_times": "none"}.get(name, "other")
            text = str(other).lower() if isinstance(other, bool) else str(other)
            with self.subTest(name=name):
                variable = "CBR_" + name.upper()
                shown = self.show(env={variable: text})[name]
                self.assertEqual((shown["value"], shown["origin"]),
                                 (other, {"kind": "environment", "name": variable}))
                flag = "--" + name.replace("_", "-")
                shown = self.show(f"{flag}={text}")[name]
                self.assertEqual((shown["value"], shown["origin"]),
                                 (other, {"kind": "flag", "name": flag}))
        shown = self.show("--reserved-slots", "1,0,0", "--allocation-strategy", "priority")
        self.assertEqual(shown["reserved_slots"]["value"], [1, 0, 0])

    def test_switched_off(self):
        for text in ["enabled: false\ncommand_buffer_ring: {ring_size: 4}\n",
                     "command_buffer_ring: {ring_size: 4, enabled: false}\n"]:
            path = self.write(text)
            size = self.show("--config", path)["ring_size"]
            self.assertEqual(size["value"], 1)
            self.assertIn("4 was given", size["note"])

    def test_auto(self):
        size = self.show("--ring-size", "auto", "--queues", "2")["ring_size"]
        self.assertEqual((size["value"], size["note"]), (4, "auto: what it starts with"))

    def test_warnings(self):
        path = self.write("memory_pool: {}\n")
        run = run_cbr("config", "show", "--config", path)
        self.assertEqual(run.returncode, 0)
        self.assertEqual(run.stderr, f"cbr: note: {path}:1:1: memory_pool is ignored: it is no part "
                                     "of this library\n")


class BadConfig(ConfigTestCase):
    def test_one_line_with_place_value_and_limits(self):
        for text, fragments in [
                ("command_buffer_ring:\n  rign_size: 2\n", [":2:3: ", "did you mean ring_size?"]),
                ("command_buffer_ring:\n  ring_size: 0\n", [":2:14: ", '"0"', "1 to 1024, or auto"]),
                ("enabled: true\nenabled: true\n", [":2:1: ", "twice", "line 1"]),
                ("enabled: 'true'\n", [":1:10: ", '"true" in quotes', "true or false"]),
                ("metal_optimizations: {}\ngpu_optimizations: {}\n", [":2:1: ", "same section"]),
                ("a: [1\n", ["broken YAML"]),
                ("", [":1:1: ", "empty"]),
                ("a: &x 1\n", [":1:4: ", "anchor"]),
                ("enabled: true\n---\nenabled: true\n", [":2:1: ", "second document"])]:
            path = self.write(text)
            with self.subTest(text=text):
                for command in [["config", "show"], ["bench", *SIMULATED],
                                ["generate", "--model", MODEL, "--prompt", "x"]]:
                    self.assert_bad_input(run_cbr(*command, "--config", path), path, *fragments)
                run = run_cbr("config", "check", path)
                self.assertEqual((run.returncode, run.stdout), (1, ""))
                for fragment in fragments:
                    self.assertIn(fragment, run.stderr)

    def test_variables_and_flags(self):
        self.assert_bad_input(run_cbr("config", "show", env={"CBR_RING_SIZE": "0"}),
                              'CBR_RING_SIZE: found "0"', "1 to 1024")
        self.assert_bad_input(run_cbr("config", "show", "--timeout-ms", "5s"),
                              '--timeout-ms: found "5s"')
        self.assert_bad_input(run_cbr("bench", *SIMULATED, env={"CBR_WAIT_STRATEGY": "spinn"}),
                              "CBR_WAIT_STRATEGY", "did you mean spin?")

    def test_missing_file(self):
        self.assert_bad_input(run_cbr("config", "show", "--config", self.folder / "none.yaml"),
                              self.folder / "none.yaml", "No such file")

    def test_an_empty_file_name(self):
        for command in [["show", "--config", ""], ["check", ""]]:
            self.assert_bad_input(run_cbr("config", *command), "name", "is empty")

    def test_config_needs_a_command(self):
        self.assert_bad_input(run_cbr("config"), "show", "check", "schema")
        self.assert_bad_input(run_cbr("config", "--json", "schema"), "--json")

    def test_json_of_what_show_shows(self):
        run = run_cbr("config", "--json")
        self.assert_success(run)
        self.assertEqual(run.stdout, run_cbr("config", "show", "--json").stdout)


class Interrupts(ConfigTestCase):
    def test_ctrl_c_ends_a_wait_for_the_file(self):
        for command in [["config", "check", "-"], ["config", "show", "--config", "-"],
                        ["bench", *SIMULATED, "--config", "-"],
                        ["generate", "--model", str(MODEL), "--prompt", "x", "--config", "-"]]:
            with self.subTest(command=command):
                process = subprocess.Popen([PROGRAM, *command], stdin=subprocess.PIPE,
                                           stdout=subprocess.DEVNULL)
                self.addCleanup(process.stdin.close)
                self.addCleanup(process.wait)
                self.addCleanup(process.kill)
                process.stdin.write(b"enabled: true\n")
                process.stdin.flush()
                unread = array.array("i", [1])
                while unread[0] > 0:  # until it has what there is and waits for more
                    fcntl.ioctl(process.stdin, termios.FIONREAD, unread)
                    time.sleep(0.01)
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(timeout=60), -signal.SIGINT)


class Check(ConfigTestCase):
    def test_a_valid_file(self):
        path = self.write(DOCUMENT)
        run = run_cbr("config", "check", path)
        self.assert_success(run)
        self.assertEqual(run.stdout, f"{path}: valid\n")

    def test_every_mistake_has_a_line(self):
        path = self.write("enabled: 1\nqueues: 0\nxyzzy: 1\n")
        run = run_cbr("config", "check", path)
        self.assertEqual(run.returncode, 1)
        self.assertEqual([line.split(": ")[1] for line in run.stderr.splitlines()],
                         [f"{path}:1:10", f"{path}:2:9", f"{path}:3:1"])

    def test_json(self):
        good = self.write("memory_pool: {}\n")
        bad = self.write("queues: 0\nenabled: 1\n", "bad.yaml")
        run = run_cbr("config", "check", "--json", bad, good)
        self.assertEqual((run.returncode, run.stderr), (1, ""))
        files = json.loads(run.stdout)["files"]
        self.assertEqual([(each["file"], each["valid"], len(each["problems"])) for each in files],
                         [(str(bad), False, 2), (str(good), True, 0)])
        self.assertIn("memory_pool is ignored", files[1]["warnings"][0])
        run = run_cbr("config", "check", good, "--json")
        self.assertEqual(run.returncode, 0)

    def test_several_files(self):
        good = self.write("memory_pool: {}\n")
        bad = self.write("queues: 0\n", "bad.yaml")
        run = run_cbr("config", "check", bad, good)
        self.assertEqual((run.returncode, run.stdout), (1, f"{good}: valid\n"))
        self.assertRegex(run.stderr, rf"^cbr: {bad}:1:9: .*\ncbr: note: {good}:1:1: memory_pool.*\n$")

    def test_a_file_that_can_not_be_read_is_bad_input(self):
        self.assert_bad_input(run_cbr("config", "check", self.folder / "none.yaml"), "No such file")

    def test_pipes_and_standard_input(self):
        run = subprocess.run(["bash", "-c", '"$0" config check <("$0" config example)', PROGRAM],
                             capture_output=True, text=True, check=False)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        for arguments, code in [(["check", "-"], 1), (["show", "--config", "-"], 2)]:
            run = subprocess.run([PROGRAM, "config", *arguments], input="enabled: 1\n",
                                 capture_output=True, text=True, check=False)
            self.assertEqual(run.returncode, code)
            self.assertTrue(run.stderr.startswith("cbr: /dev/stdin:1:10: enabled"), run.stderr)

    def test_does_not_look_at_the_environment(self):
        path = self.write("enabled: true\n")
        self.assert_success(run_cbr("config", "check", path, env={"CBR_RING_SIZE": "x"}))


class Documentation(ConfigTestCase):
    """What is committed is what the program prints."""

    def schema(self):
        return json.loads((REFERENCE / "config.schema.json").read_text(encoding="utf-8"))

    def test_schema_is_up_to_date(self):
        run = run_cbr("config", "schema")
        self.assert_success(run)
        self.assertEqual((REFERENCE / "config.schema.json").read_text(encoding="utf-8"), run.stdout)

    def test_example_is_up_to_date(self):
        run = run_cbr("config", "example")
        self.assert_success(run)
        self.assertEqual((REFERENCE / "config.example.yaml").read_text(encoding="utf-8"), run.stdout)
        self.assert_success(run_cbr("config", "check", REFERENCE / "config.example.yaml"))

    def test_reference_is_up_to_date(self):
        run = run_cbr("config", "reference")
        self.assert_success(run)
        self.assertIn(run.stdout, (REFERENCE / "configuration.md").read_text(encoding="utf-8"))

    def test_schema_agrees_with_the_program(self):
        schema = self.schema()
        jsonschema.Draft7Validator.check_schema(schema)
        validator = jsonschema.Draft7Validator(schema)
        good = [DOCUMENT, dedent_section(DOCUMENT), "{}", "device: 0", "device: H200",
                "command_buffer_ring: {ring_size: auto, spin_limit: auto}",
                "command_buffer_ring: {spin_limit: 1000000000, name: x}",
                "{queues: 2, memory_pool: {size: 3}, blit_queue: 1}",
                "command_buffer_ring: {reserved_slots: []}",
                "command_buffer_ring: {allocation_strategy: priority, reserved_slots: [1, 0, 0]}",
                (REFERENCE / "config.example.yaml").read_text(encoding="utf-8")]
        bad = ["rign_size: 2", "command_buffer_ring: {ring_size: 0}", "queues: 65", "enabled: 1",
               "command_buffer_ring: {ring_size: '3'}", "backend: opengl", "[]", "x",
               "metal_optimizations: {}\ngpu_optimizations: {}", "command_buffer_ring: true",
               "metal_optimizations: {}\nenabled: true", "command_buffer_ring: {name: ''}",
               "command_buffer_ring: {name: \"a\\nb\"}", "command_buffer_ring: {timeout_ms: 1.5}",
               "command_buffer_ring: {reserved_slots: [1, 0, 0]}",
               "command_buffer_ring: {allocation_strategy: least-busy, reserved_slots: [1, 0, 0]}",
               "command_buffer_ring: {reserved_slots: 1}", "command_buffer_ring: {ring_size: }",
               "command_buffer_ring: {reserved_slots: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}"]
        for texts, is_good in [(good, True), (bad, False)]:
            for text in texts:
                with self.subTest(text=text):
                    self.assertEqual(validator.is_valid(yaml.safe_load(text)), is_good)
                    run = run_cbr("config", "check", self.write(text))
                    self.assertEqual(run.returncode == 0, is_good, run.stderr)

    def test_schema_agrees_on_every_option_and_many_values(self):
        validator = jsonschema.Draft7Validator(self.schema())
        values = [
            "true", "False", "0", "1", "16", "17", "64", "65", "1024", "1025", "-1", "1.5", "'1'",
            "1000000000", "1000000001", "4294967295", "4294967296", "31536000000", "31536000001",
            "99999999999999999999", "auto", "AUTO", "x", "''", "'x'", "", "~", "[]", "[1, 0, 0]",
            "[1, 0, 1025]", "[1, 0, '0']", "{}", "vulkan", "priority", "'least-busy'", "hybrid",
            "adaptive", "both", "none",
            "ö" * 100, "ö" * 101, "x" * 256, "x" * 257, '"a\\nb"', '"a\\u2028b"']
        definitions = self.schema()["definitions"]
        for section, indent in [("optimizations", ""), ("ring", "  ")]:
            for name, definition in definitions[section]["properties"].items():
                if "default" not in definition:
                    continue  # a section, or ignored
                # What the option needs of others is not a matter of its values.
                others = {"queues": "command_buffer_ring: {ring_size: 1024}\n",
                          "reserved_slots": "  allocation_strategy: priority\n"
                                            "  ring_size: 1024\n"}.get(name, "")
                head = "command_buffer_ring:\n" if section == "ring" else ""
                for value in values:
                    text = f"{head}{others}{indent}{name}: {value}\n"
                    with self.subTest(text=text):
                        run = run_cbr("config", "check", self.write(text))
                        self.assertEqual(validator.is_valid(yaml.safe_load(text)),
                                         run.returncode == 0, run.stderr)

    def test_has_every_option_of_a_ring(self):
        header = (SOURCE / "include" / "cbr" / "options.h").read_text(encoding="utf-8")
        body = re.search(r"struct RingOptions \{(.*?)\n\};", header, re.DOTALL).group(1)
        statements = re.sub(r"//.*", "", body).count(";")
        members = set(re.findall(r"(?m)^  (?!//)\S.* (\w+) = .*;$", body))
        self.assertEqual(len(members), statements)  # none is overlooked
        # A limit in milliseconds, where 0 is for ever.
        members = {"timeout_ms" if name == "timeout" else name for name in members}
        # `ring_size: auto`, and its limits.
        members.remove("auto_ring_size")
        members |= {"largest_ring_size", "max_queued_ms"}
        self.assertEqual(members - CODE_ONLY,
                         set(self.schema()["definitions"]["ring"]["properties"]) - {"enabled"})


class BenchWithConfig(ConfigTestCase):
    def test_compares_the_configured_size_with_the_baseline(self):
        path = self.write("backend: simulated\ncommand_buffer_ring: {ring_size: 2}\n")
        output = self.folder / "result.json"
        flags = ["bench", "--synthetic", "--steps", "50", "--config", path, "--output", output]
        self.assert_success(run_cbr(*flags))
        result = self.read_result(output)
        self.assertEqual([run["ringSize"] for run in result["runs"]], [1, 2])
        self.assertEqual(result["device"]["backend"], "simulated")
        self.assert_success(run_cbr(*flags, "--ring-size", "3,5"))
        self.assertEqual([run["ringSize"] for run in self.read_result(output)["runs"]], [3, 5])
        self.assert_success(run_cbr(*flags, "--ring-size", "1,auto"))
        self.assertEqual([run["ringSize"] for run in self.read_result(output)["runs"]], [1, 3])
        self.assert_bad_input(run_cbr(*flags, "--ring-size", "3,auto"), "3 is given twice")
        self.assert_bad_input(run_cbr(*flags, "--ring-size", "1,autox"), '"autox"')
        self.assert_success(run_cbr(*flags, env={"CBR_ENABLED": "false"}))
        self.assertEqual([run["ringSize"] for run in self.read_result(output)["runs"]], [1])

    def test_options_reach_the_ring(self):
        run = run_cbr("bench", *SIMULATED, "--rounds", "1", "--ring-size", "1",
                      "--log-wait-events", "true", "--name", "mine")
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stderr, r"(?m)^\[DEBUG\] mine: Waited \d+\.\d\dms for slot #0$")

    def test_times_of_some_steps_say_nothing_of_the_others(self):
        output = self.folder / "result.json"
        for times, busy, execute in [("both", True, True), ("sampled", False, True),
                                     ("end", False, False), ("none", False, False)]:
            self.assert_success(run_cbr("bench", *SIMULATED, "--ring-size", "1", "--gpu-times", times,
                                        "--output", output))
            gpu = self.read_result(output)["runs"][0]["gpu"]
            with self.subTest(times):
                self.assertEqual((gpu["busyFraction"] is not None, gpu["executeUs"] is not None),
                                 (busy, execute))

    def test_zero_milliseconds_wait_for_ever(self):
        # Each acquire but the first waits for a second of the simulated GPU.
        flags = ["bench", "--synthetic", "--backend", "simulated", "--steps", "3", "--rounds", "1",
                 "--ring-size", "1", "--sim-gpu-us", "1000000"]
        run = run_cbr(*flags, "--timeout-ms", "900")
        self.assertEqual(run.returncode, 1)
        self.assertIn("limit 900.00 ms", run.stderr)
        for limit in ["0", "1100"]:
            self.assert_success(run_cbr(*flags, "--timeout-ms", limit))

    def test_sizes_that_do_not_fit_the_options(self):
        path = self.write("command_buffer_ring: {ring_size: 4, allocation_strategy: priority, "
                          "reserved_slots: [1, 1, 1]}\n")
        self.assert_success(run_cbr("bench", *SIMULATED, "--config", path))
        self.assert_bad_input(
            run_cbr("bench", *SIMULATED, "--config", path, "--ring-size", "1,2"), "--ring-size 2",
            "reserved_slots")

    def test_falls_back_and_says_so(self):
        path = self.write("backend: metal\n")
        nowhere = str(self.folder / "none.json")
        env = {"VK_ICD_FILENAMES": nowhere, "VK_DRIVER_FILES": nowhere}
        flags = ["bench", "--synthetic", "--steps", "50", "--rounds", "1", "--config", path]
        run = run_cbr(*flags, env=env)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stderr, r"^cbr: note: metal: .*; vulkan: .*; using backend simulated "
                                     r"instead\n$")
        path.write_text("backend: metal\ngraceful_fallback: false\n", encoding="utf-8")
        self.assert_bad_input(run_cbr(*flags, env=env), path, "backend metal")
        # The backend is to blame, not the device that nobody could look for.
        self.assert_bad_input(run_cbr(*flags, "--device", "H200"), f"{path}:1: backend metal: ")


@needs_vulkan
class GenerateWithConfig(ConfigTestCase):
    def test_file_variable_and_flag(self):
        path = self.write("queues: 2\ncommand_buffer_ring: {ring_size: 2}\n")
        flags = ["generate", "--model", MODEL, "--prompt", "And", "--max-tokens", "2", "--json",
                 "--config", path]
        run = run_cbr(*flags)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(json.loads(run.stdout)["ringSize"], 2)
        self.assertIn("one queue is used, not 2", run.stderr)
        run = run_cbr(*flags, env={"CBR_RING_SIZE": "4"})
        self.assertEqual(json.loads(run.stdout)["ringSize"], 4)
        run = run_cbr(*flags, "--ring-size", "5", env={"CBR_RING_SIZE": "4"})
        self.assertEqual(json.loads(run.stdout)["ringSize"], 5)

    def test_never_on_the_simulated_backend(self):
        path = self.write("backend: simulated\ngraceful_fallback: false\n")
        self.assert_bad_input(run_cbr("generate", "--model", MODEL, "--prompt", "x", "--config",
                                      path), path, "backend simulated")


if __name__ == "__main__":
    unittest.main()
