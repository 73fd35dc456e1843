"""scripts/compare-benchmarks.py and cbr.bench.compare, on results of the real program."""

import os
import re
import subprocess
import sys

import pytest

import cbr
import cbr.bench
from conftest import SOURCE

SCRIPT = SOURCE / "scripts" / "compare-benchmarks.py"
PROGRAM = os.environ.get("CBR_PROGRAM", str(SOURCE / "build" / "release" / "cbr"))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    paths = {}
    for name, sizes in [("baseline", "1"), ("ring", "3"), ("both", "1,3"), ("two", "2,3")]:
        paths[name] = folder / f"{name}.json"
        subprocess.run([PROGRAM, "bench", "--synthetic", "--backend", "simulated", "--steps", "50",
                        "--ring-size", sizes, "--output", paths[name]], check=True,
                       capture_output=True)
    return paths


def run_script(*arguments, script=SCRIPT, **env):
    return subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True,
                          encoding="utf-8", check=False,
                          env={**os.environ, "PYTHONUTF8": "1", **env})


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
    assert cbr.bench.compare(results["baseline"], results["ring"]).table() == table


def test_a_loss_gets_a_cross(results):
    run = run_script(results["ring"], results["baseline"])
    assert re.search(r"Improvement: +-\d+\.\d% ❌", run.stdout)


def test_no_change_gets_no_mark_and_each_size_its_heading(results):
    run = run_script(results["both"], results["both"])
    assert run.stdout.count("+0.0%\n") == 4
    assert [line for line in run.stdout.splitlines() if line.startswith("Ring size")] == [
        "Ring size 1", "Ring size 3"]


def test_one_baseline_is_set_against_each_other_size(results):
    for name, sizes in [("both", ["3"]), ("two", ["2", "3"])]:
        run = run_script(results["baseline"], results[name])
        assert run.returncode == 0
        assert re.findall(r"Baseline Throughput: +(\S+)", run.stdout) == ["10000.00"] * len(sizes)
        assert "22163.12" in run.stdout
        for size in sizes:
            assert f"the ring size differs: 1 in {results['baseline']}, {size} in " in run.stderr
    assert [line for line in run.stdout.splitlines() if line.startswith("Ring size")] == [
        "Ring size 2", "Ring size 3"]


def test_sizes_that_are_not_compared_are_named(results):
    run = run_script(results["both"], results["two"])
    assert f"Warning: ring size 1 is only in {results['both']}." in run.stderr
    assert f"Warning: ring size 2 is only in {results['two']}." in run.stderr


def test_the_sizes_asked_for(results):
    report = cbr.bench.compare(results["both"], results["both"], ring_sizes=(1, 3))
    assert {(each.baseline_ring_size, each.ring_size) for each in report.changes} == {(1, 3)}
    with pytest.raises(cbr.InputError, match="has no ring size 2, it has 1, 3"):
        cbr.bench.compare(results["both"], results["both"], ring_sizes=(1, 2))


def test_an_encoding_without_marks_gets_words(results):
    run = run_script(results["baseline"], results["ring"], PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("% (better)\n") == 2


def test_output_that_can_not_be_written(results):
    command = f'"{sys.executable}" "{SCRIPT}" "{results["baseline"]}" "{results["ring"]}"'
    for shell, code, error in [
            (f"{command} > /dev/full", 1, "can't write to standard output: No space left"),
            (f"{command} >&-", 1, "standard output is closed"),
            (f"{command} | exec 0<&-; exit ${{PIPESTATUS[0]}}", 141, "")]:
        run = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
        assert run.returncode == code
        assert "Traceback" not in run.stderr and error in run.stderr


def test_without_the_package_there_is_a_hint(results, tmp_path):
    script = tmp_path / "scripts" / SCRIPT.name
    script.parent.mkdir()
    script.write_bytes(SCRIPT.read_bytes())
    for path in ["", str(SOURCE / "python")]:  # nowhere, and without its compiled part
        run = run_script(results["baseline"], results["ring"], script=script, PYTHONPATH=path)
        if run.returncode == 0:
            pytest.skip("the package is installed")
        assert (run.returncode, run.stdout) == (1, "")
        assert run.stderr.count("\n") == 1 and "run `./dev build`" in run.stderr


def test_a_missing_file_is_one_line(results, tmp_path):
    run = run_script(results["baseline"], tmp_path / "none.json")
    assert (run.returncode, run.stdout) == (2, "")
    assert "none.json" in run.stderr and run.stderr.count("\n") == 1
    with pytest.raises(cbr.InputError):
        cbr.bench.compare(results["baseline"], tmp_path / "none.json")
