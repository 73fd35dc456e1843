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
    # Again and again: one that comes before the wait has begun ends something else.
    code = PRELUDE + """
import os, signal, threading, time
def press():
    while True:
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)
paused()
threading.Thread(target=press, daemon=True).start()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
                         check=False)
    assert "KeyboardInterrupt" in run.stderr
    assert "Fatal" not in run.stderr and "terminate" not in run.stderr
    assert run.returncode == 0


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
