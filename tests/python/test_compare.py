"""scripts/compare-benchmarks.py and cbr.compare, on results of the real program."""

import os
import re
import subprocess
import sys

import pytest

import cbr
from conftest import SOURCE

SCRIPT = SOURCE / "scripts" / "compare-benchmarks.py"
PROGRAM = os.environ.get("CBR_PROGRAM", str(SOURCE / "build" / "release" / "cbr"))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    paths = {}
    for name, sizes in [("baseline", "1"), ("ring", "3"), ("both", "1,3")]:
        paths[name] = folder / f"{name}.json"
        subprocess.run([PROGRAM, "bench", "--synthetic", "--backend", "simulated", "--steps", "50",
                        "--ring-size", sizes, "--output", paths[name]], check=True,
                       capture_output=True)
    return paths


def run_script(*arguments):
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True,
                          encoding="utf-8", check=False, env={**os.environ, "PYTHONUTF8": "1"})


def test_the_layout_and_the_numbers(results):
    run = run_script(results["baseline"], results["ring"])
    assert run.returncode == 0
    number = r"(\d+\.\d\d)"
    match = re.fullmatch(
        rf"Baseline Throughput:    {number} steps/s\n"
        rf"Ring Throughput:        {number} steps/s\n"
        r"Improvement:            \+(\d+\.\d)% ✅\n"
        r"\n"
        r"GPU Utilization:\n"
        r"  Baseline:  (\d+)%\n"
        r"  Ring:      (\d+)%\n"
        r"  Gain:      \+(\d+\.\d)% ✅\n", run.stdout)
    assert match, run.stdout
    # Encode 20, submit 5, GPU 44, completion 31 µs: one after the other, or all behind the GPU.
    assert float(match[1]) == pytest.approx(1e6 / 100, rel=1e-3)
    assert int(match[4]) == 44
    assert float(match[3]) == pytest.approx((float(match[2]) / float(match[1]) - 1) * 100, abs=0.1)
    assert "the ring size differs: 1 in " in run.stderr


def test_the_numbers_are_those_of_cbr_compare(results):
    table = subprocess.run([PROGRAM, "compare", results["baseline"], results["ring"]],
                           capture_output=True, text=True, encoding="utf-8", check=True).stdout
    assert cbr.compare(results["baseline"], results["ring"]).table() == table


def test_a_loss_gets_a_cross(results):
    run = run_script(results["ring"], results["baseline"])
    assert re.search(r"Improvement: +-\d+\.\d% ❌", run.stdout)


def test_no_change_gets_no_mark_and_each_size_its_heading(results):
    run = run_script(results["both"], results["both"])
    assert run.stdout.count("+0.0%\n") == 4
    assert [line for line in run.stdout.splitlines() if line.startswith("Ring size")] == [
        "Ring size 1", "Ring size 3"]


def test_a_missing_file_is_one_line(results, tmp_path):
    run = run_script(results["baseline"], tmp_path / "none.json")
    assert (run.returncode, run.stdout) == (2, "")
    assert "none.json" in run.stderr and run.stderr.count("\n") == 1
    with pytest.raises(cbr.InputError):
        cbr.compare(results["baseline"], tmp_path / "none.json")
