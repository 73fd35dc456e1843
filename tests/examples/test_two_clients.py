"""examples/python/two_clients.py: both clients are served, and the loop goes on while the GPU is behind."""

import os
import re
import subprocess
import sys

from example_program import PYTHON_EXAMPLES, needs_device

pytestmark = needs_device


def test_the_loop_never_stalls_for_the_gpu():
    done = subprocess.run(
        [sys.executable, PYTHON_EXAMPLES / "two_clients.py", "--steps", "4", "--rounds", "20000"],
        capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONUTF8": "1"})
    assert done.returncode == 0, done.stderr
    assert "first client: 4 steps\nsecond client: 4 steps\n" in done.stdout
    found = re.search(r"a step takes ([\d.]+) ms; (\d+) had to wait for a slot; "
                      r"the longest stall of the loop was ([\d.]+) ms", done.stdout)
    assert found, done.stdout
    # A loop that acquire() stalls stands still for a step, again and again.
    assert int(found[2]) >= 4
    assert float(found[3]) < float(found[1])
