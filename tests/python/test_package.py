"""What type checkers and importers see."""

import shutil
import subprocess
import sys

import pytest

import cbr
from conftest import SOURCE


def test_all_names_are_there_and_documented():
    for name in cbr.__all__:
        assert getattr(cbr, name) is not None
    assert cbr.CommandBufferRing.__doc__ and cbr.Ticket.wait.__doc__
    assert f'version = "{cbr.__version__}"' in (SOURCE / "pyproject.toml").read_text()


@pytest.mark.skipif(shutil.which("mypy") is None, reason="mypy is not installed")
def test_the_types_are_right(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import cbr\n"
        "ring = cbr.CommandBufferRing(3, backend='simulated', wait_strategy='spin')\n"
        "with ring.acquire(timeout=1.0, priority='high') as lease:\n"
        "    pass\n"
        "done: bool = lease.ticket.wait(1.0)\n"
        "index: int | None = cbr.wait_any([lease.ticket])\n"
        "rate: float = ring.statistics().reuse_rate\n"
        "async def main() -> None:\n"
        "    await lease.ticket\n")
    run = subprocess.run(["mypy", "--strict", "--python-version", "3.11", "--cache-dir",
                          tmp_path / "cache", "-p", "cbr", "-p", "krserve_native"],
                         cwd=SOURCE / "python", capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    run = subprocess.run(["mypy", "--strict", "--cache-dir", tmp_path / "cache", program],
                         env={"MYPYPATH": str(SOURCE / "python"), "PATH": "/usr/bin:/bin"},
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.skipif(shutil.which("mypy") is None, reason="mypy is not installed")
def test_the_stubs_are_those_of_the_module(tmp_path):
    run = subprocess.run([sys.executable, "-m", "mypy.stubtest", "cbr._cbr"], cwd=tmp_path,
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
