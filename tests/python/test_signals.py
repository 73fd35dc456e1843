"""Ctrl-C ends a wait."""

import signal
import subprocess
import sys

import pytest

PRELUDE = """
import cbr, sys
gpu = cbr.simulated.Gpu()
ring = cbr.CommandBufferRing(ring_size=1, backend=gpu)
def paused():
    gpu.pause()
    with ring.acquire() as lease: pass
    return lease.ticket
def waits(wait):
    try:
        print("ready", flush=True)
        wait()
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    gpu.release()
    ring.drain()
    print("drained", ring.statistics().completions, flush=True)
"""


def test_ctrl_c_ends_the_wait_at_exit():
    program_text = PRELUDE + "paused()\nimport atexit\natexit.register(print, 'ready', flush=True)"
    with subprocess.Popen([sys.executable, "-c", program_text], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert "Fatal" not in err and "terminate" not in err
    assert program.returncode == 0


@pytest.mark.parametrize(("wait", "completions"), [
    ("lease = ring.acquire()\nwaits(ring.acquire)\nlease.discard()", 0),
    ("paused()\nwaits(ring.acquire)", 1),
    ("ticket = paused()\nwaits(ticket.wait)", 1),
    ("ticket = paused()\nwaits(lambda: cbr.wait_any([ticket]))", 1),
    ("ticket = paused()\nwaits(lambda: cbr.wait_all([ticket]))", 1),
    ("paused()\nwaits(ring.drain)", 1),
    ("paused()\nwaits(ring.close)", 1),
])
def test_ctrl_c_ends_the_wait(wait, completions):
    with subprocess.Popen([sys.executable, "-c", PRELUDE + wait], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=60)
    assert out == f"interrupted\ndrained {completions}\n", err
    assert program.returncode == 0
