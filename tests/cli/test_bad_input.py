"""Bad input: one line on stderr, exit code 2, nothing written."""

import json
import os
import shutil
import stat
import unittest

from cbr_program import MODEL, SIMULATED, CbrTestCase, needs_vulkan, run_cbr


class BadFlags(CbrTestCase):
    def test_no_command(self):
        self.assert_bad_input(run_cbr(), "bench", "compare", "plan", "generate", "doctor")

    def test_unknown_command(self):
        self.assert_bad_input(run_cbr("frobnicate"), '"frobnicate": there is no such command (see')
        self.assert_bad_input(run_cbr("bnech", "--steps", "50"), '"bnech": there is no such')
        self.assert_bad_input(run_cbr("bnech"), "no such command; did you mean bench?")
        self.assert_bad_input(run_cbr("config", "shwo"), "no such command; did you mean show?")

    def test_unknown_flag(self):
        self.assert_bad_input(run_cbr("bench", "--synthetic", "--modle", "x"),
                              "--modle: there is no such flag; did you mean --model?")
        self.assert_bad_input(run_cbr("bench", "--synthetic", "--xyzzy"), "no such flag (see")
        self.assert_bad_input(run_cbr("config", "show", "--rign-size=2"),
                              "--rign-size=2: there is no such flag; did you mean --ring-size?")

    def test_surplus_argument(self):
        self.assert_bad_input(run_cbr("bench", "--synthetic", "surplus"), '"surplus"')

    def test_missing_value(self):
        self.assert_bad_input(run_cbr("bench", "--model"), "--model: the value is missing",
                              "--model DIR (see cbr bench --help)")

    def test_a_value_too_many(self):
        self.assert_bad_input(run_cbr("doctor", "--json=yes"), "--json: takes no value")
        self.assert_bad_input(run_cbr("bench", "--rounds", "2", "--rounds", "3"),
                              "--rounds: is given more than once")

    def test_a_missing_argument_says_what_it_is(self):
        self.assert_bad_input(run_cbr("compare", "a.json"), "B is missing: the candidate's result",
                              "(see cbr compare --help)")
        self.assert_bad_input(run_cbr("generate", "--prompt", "x"),
                              "--model is missing: the model's directory")
        self.assert_bad_input(run_cbr("config", "check"), "FILE is missing: YAML files",
                              "(see cbr config check --help)")

    def test_help_of_no_command(self):
        self.assert_bad_input(run_cbr("help", "bnech"), '"bnech": there is no such command; did you '
                              "mean bench? (see cbr --help)")
        self.assert_bad_input(run_cbr("help", "config", "shwo"), "did you mean show? (see cbr config")

    def test_standard_input_is_read_once(self):
        self.assert_bad_input(run_cbr("compare", "-", "-"), "A and B: standard input (-)")
        self.assert_bad_input(run_cbr("config", "check", "-", "-"), "standard input (-)")
        self.assert_bad_input(run_cbr("generate", "--model", MODEL, "--prompt", "-", "--config", "-"),
                              "/dev/stdin", "is empty")
        self.assert_bad_input(self.piped("enabled: true\n", "generate", "--model", MODEL, "--prompt",
                                         "-", "--config", "-"),
                              "--prompt: standard input (-) is read by --config already")
        self.assert_bad_input(self.piped("enabled: true\n", "bench", "--model", MODEL, "--prompts",
                                         "-", "--config", "-"),
                              "--prompts: standard input (-) is read by --config already")

    def test_bench_takes_one_workload(self):
        self.assert_bad_input(run_cbr("bench", "--model", MODEL, "--synthetic"), "--model",
                              "--synthetic")

    def test_flags_of_the_other_workload(self):
        self.assert_bad_input(run_cbr("bench", *SIMULATED, "--questions", "2"), "--questions",
                              "--model")
        self.assert_bad_input(run_cbr("bench", "--model", MODEL, "--dispatches", "2"),
                              "--dispatches", "--synthetic")
        self.assert_bad_input(run_cbr("bench", "--model", MODEL, "--sim-gpu-us", "2"),
                              "--sim-gpu-us", "simulated")

    def test_ring_size(self):
        for value in ["0", "10000", "-1", "x", "1,,2", "1,0", "1.5", "99999999999999999999"]:
            with self.subTest(value=value):
                bad = value.split(",")[1] if "," in value else value
                self.assert_bad_input(run_cbr("bench", *SIMULATED, f"--ring-size={value}"),
                                      "--ring-size", f'"{bad}"', "1 to 1024")

    def test_ring_size_given_twice(self):
        self.assert_bad_input(run_cbr("bench", *SIMULATED, "--ring-size", "2,3,2"), "--ring-size",
                              "2 is given twice")

    def test_numbers_outside_their_limits(self):
        for flag, value, limits in [("--rounds", "0", "1 to 10000"),
                                    ("--rounds", "abc", "1 to 10000"),
                                    ("--rounds", "-1", "1 to 10000"),
                                    ("--steps", "0", "1 to 1000000"),
                                    ("--dispatches", "65537", "1 to 65536"),
                                    ("--elements", "0", "1 to"),
                                    ("--iterations", "1e3", "1 to"),
                                    ("--sim-gpu-us", "-1", "0 to"),
                                    ("--sim-gpu-us", "nan", "0 to")]:
            with self.subTest(flag=flag, value=value):
                self.assert_bad_input(run_cbr("bench", *SIMULATED[:-2], f"{flag}={value}"), flag,
                                      f'"{value}"', limits)

    def test_generate_ring_size(self):
        run = run_cbr("generate", "--model", MODEL, "--prompt", "x", "--ring-size", "0")
        self.assert_bad_input(run, "--ring-size", '"0"', "1 to 1024")

    def test_generate_needs_model_and_prompt(self):
        self.assert_bad_input(run_cbr("generate", "--prompt", "x"), "--model")
        self.assert_bad_input(run_cbr("generate", "--model", MODEL), "--prompt")


class BadDevices(CbrTestCase):
    def test_unknown_backend(self):
        self.assert_bad_input(run_cbr("bench", "--synthetic", "--backend", "metal"), "--backend",
                              '"metal"', "auto, vulkan or simulated")

    def test_there_is_no_cuda(self):
        path = self.folder / "ring.yaml"
        path.write_text("backend: cuda\n", encoding="utf-8")
        known = "expected auto, metal, vulkan or simulated"
        for command in [["bench"], ["generate", "--model", MODEL, "--prompt", "x"],
                        ["config", "show"]]:
            self.assert_bad_input(run_cbr(*command, "--config", path), f"{path}:1:10: ", '"cuda"',
                                  known)
            self.assert_bad_input(run_cbr(*command, env={"CBR_BACKEND": "cuda"}), 'CBR_BACKEND: ',
                                  '"cuda"', known)
        self.assert_bad_input(run_cbr("bench", "--backend", "cuda"), '"cuda"',
                              "auto, vulkan or simulated")

    def test_a_model_does_not_run_on_the_simulated_backend(self):
        self.assert_bad_input(run_cbr("bench", "--model", MODEL, "--backend", "simulated"),
                              "--backend simulated")

    def test_the_simulated_backend_has_no_devices(self):
        self.assert_bad_input(run_cbr("bench", *SIMULATED, "--device", "0"), "--device 0")

    @needs_vulkan
    def test_unknown_device(self):
        for device in ["no such device", "99"]:
            with self.subTest(device=device):
                self.assert_bad_input(run_cbr("bench", "--synthetic", "--device", device),
                                      f"--device {device}")

    def without_library(self):
        """An environment in which the Vulkan library can't be loaded: a broken one comes first."""
        for name in ["libvulkan.so.1", "libvulkan.so"]:
            (self.folder / name).write_text("not a library")
        return {"LD_LIBRARY_PATH": str(self.folder)}

    def test_no_vulkan_library(self):
        env = self.without_library()
        self.assert_bad_input(run_cbr("bench", "--model", MODEL, env=env), "libvulkan")
        self.assert_bad_input(run_cbr("bench", "--synthetic", "--backend", "vulkan", env=env),
                              "libvulkan")
        self.assert_bad_input(
            run_cbr("generate", "--model", MODEL, "--prompt", "x", env=env), "libvulkan")

    def test_synthetic_steps_fall_back_on_the_simulated_backend(self):
        run = run_cbr("bench", "--synthetic", "--rounds", "2", env=self.without_library())
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stderr, r"^cbr: note: .*libvulkan.*simulated.*\n$")
        self.assertIn("all times below are simulated", run.stdout)

    def test_doctor_says_why_there_is_no_vulkan(self):
        run = run_cbr("doctor", env=self.without_library())
        self.assertEqual(run.returncode, 1)
        self.assertIn("libvulkan", run.stdout)
        self.assertIn("simulated: compiled in", run.stdout)


class BadOutput(CbrTestCase):
    def test_folder_that_does_not_exist(self):
        path = self.folder / "missing" / "result.json"
        self.assert_bad_input(run_cbr("bench", *SIMULATED, "--output", path), "--output",
                              path.parent)
        self.assertFalse(path.parent.exists())

    def test_folder_in_place_of_a_file(self):
        self.assert_bad_input(run_cbr("bench", *SIMULATED, "--output", self.folder), "--output",
                              self.folder)

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_folder_without_permission(self):
        self.folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
        self.addCleanup(self.folder.chmod, stat.S_IRWXU)
        self.assert_bad_input(run_cbr("bench", *SIMULATED, "--output", self.folder / "x.json"),
                              "--output", self.folder)

    def test_is_checked_before_all_else(self):
        # The model doesn't exist either, but opening one can take long.
        self.assert_bad_input(
            run_cbr("bench", "--model", "missing", "--output", self.folder / "no" / "x"), "--output")

    def test_bad_input_leaves_no_file(self):
        run_cbr("bench", "--model", "missing", "--output", self.folder / "x.json")
        self.assertEqual(list(self.folder.iterdir()), [])


class BadModels(CbrTestCase):
    def copy_model(self):
        copy = self.folder / "model"
        shutil.copytree(MODEL, copy)
        return copy

    def assert_bad_model(self, model, *fragments):
        self.assert_bad_input(run_cbr("generate", "--model", model, "--prompt", "And"), *fragments)
        self.assert_bad_input(run_cbr("bench", "--model", model), *fragments)

    def test_missing_directory(self):
        self.assert_bad_model(self.folder / "missing", self.folder / "missing")

    def test_missing_files(self):
        for name in ["config.json", "model.safetensors", "tokenizer.json"]:
            with self.subTest(name=name):
                model = self.copy_model()
                (model / name).unlink()
                self.assert_bad_model(model, model)
                shutil.rmtree(model)

    def test_broken_config(self):
        model = self.copy_model()
        (model / "config.json").write_text('{"hidden_size": ')
        self.assert_bad_model(model, model / "config.json")

    def test_config_out_of_range(self):
        model = self.copy_model()
        config = json.loads((model / "config.json").read_text())
        config["num_hidden_layers"] = -3
        (model / "config.json").write_text(json.dumps(config))
        self.assert_bad_model(model, "config.json", "num_hidden_layers", "-3")

    def test_weights_cut_short(self):
        model = self.copy_model()
        weights = (model / "model.safetensors").read_bytes()
        (model / "model.safetensors").write_bytes(weights[:len(weights) // 2])
        self.assert_bad_model(model, "model.safetensors")

    def test_broken_tokenizer(self):
        model = self.copy_model()
        (model / "tokenizer.json").write_text("[]")
        self.assert_bad_model(model, "tokenizer.json")

    def test_prompt_longer_than_the_context(self):
        prompt = "word " * 3000
        self.assert_bad_input(run_cbr("generate", "--model", MODEL, "--prompt", prompt),
                              "--prompt", "tokens", "1024")
        prompts = self.folder / "prompts.txt"
        prompts.write_text("short\n" + prompt + "\n")
        self.assert_bad_input(
            run_cbr("bench", "--model", MODEL, "--prompts", prompts, "--questions", "2"), prompts,
            "line 2", "1024")

    def test_empty_prompt(self):
        self.assert_bad_input(run_cbr("generate", "--model", MODEL, "--prompt", ""), "--prompt",
                              "empty")

    def test_prompt_that_is_not_utf8(self):
        self.assert_bad_input(
            run_cbr("generate", "--model", MODEL, "--prompt", os.fsdecode(b"\xff")), "--prompt",
            "UTF-8")

    def test_missing_prompts(self):
        missing = self.folder / "missing.txt"
        self.assert_bad_input(run_cbr("bench", "--model", MODEL, "--prompts", missing), missing)

    def test_too_few_prompts(self):
        prompts = self.folder / "prompts.txt"
        prompts.write_text("one\n\ntwo\n")
        self.assert_bad_input(
            run_cbr("bench", "--model", MODEL, "--prompts", prompts, "--questions", "3"), prompts,
            "2 prompts", "3")


class BadResults(CbrTestCase):
    def setUp(self):
        super().setUp()
        self.good = self.folder / "good.json"
        self.assert_success(run_cbr("bench", *SIMULATED, "--output", self.good))

    def write(self, text):
        path = self.folder / "bad.json"
        path.write_text(text)
        return path

    def test_missing_file(self):
        missing = self.folder / "missing.json"
        self.assert_bad_input(run_cbr("compare", self.good, missing), missing)
        self.assert_bad_input(run_cbr("compare", missing, self.good), missing)

    def test_one_file_only(self):
        self.assert_bad_input(run_cbr("compare", self.good), "B")

    def test_broken_json_names_the_place(self):
        path = self.write('{"schemaVersion": 1,')
        self.assert_bad_input(run_cbr("compare", self.good, path), path, "byte")

    def test_empty_file(self):
        path = self.write("")
        self.assert_bad_input(run_cbr("compare", self.good, path), path)

    def test_other_schema_version(self):
        path = self.write(self.good.read_text().replace('"schemaVersion": 1', '"schemaVersion": 9'))
        self.assert_bad_input(run_cbr("compare", self.good, path), path, "schemaVersion", "9")

    def test_wrong_type_names_the_place(self):
        result = json.loads(self.good.read_text())
        result["runs"][1]["ringSize"] = "two"
        path = self.write(json.dumps(result))
        self.assert_bad_input(run_cbr("compare", self.good, path), path, "runs[1].ringSize",
                              '"two"', "1024")

    def test_bad_threshold(self):
        self.assert_bad_input(run_cbr("compare", self.good, self.good, "--fail-below", "x"),
                              "--fail-below", '"x"')


if __name__ == "__main__":
    unittest.main()
