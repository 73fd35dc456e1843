"""`pip install .` into a fresh environment, as a user does it; no network is needed."""

import shutil
import subprocess
import sys

import pytest

from conftest import SOURCE


@pytest.mark.skipif(shutil.which("ninja") is None, reason="ninja is not installed")
def test_pip_install(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    run = subprocess.run([python, "-m", "pip", "install", "--no-index", SOURCE],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    program = ("import cbr, krserve_native\n"
               "ring = krserve_native.CommandBufferRing(backend='simulated')\n"
               "with ring.acquire() as lease: pass\n"
               "lease.ticket.wait()\n"
               "print(cbr.__file__, ring.get_statistics().total_releases)\n")
    # -I: neither this folder nor PYTHONPATH.
    run = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True,
                         check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    path, releases = run.stdout.split()
    assert path.startswith(str(tmp_path)) and releases == "1"
