"""Ctrl-C ends a wait."""

import _thread
import itertools
import signal
import subprocess
import sys
import threading

import pytest

import cbr
from conftest import SOURCE

MODEL = SOURCE / "models" / "tiny-qwen2-kjv-4bit"

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


def assert_interrupted(code, completions):
    """Runs a program that says when it is ready, and presses Ctrl-C then."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline() == "ready\n"
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=60)
    assert out == f"interrupted\ndrained {completions}\n", err
    assert program.returncode == 0


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
    assert_interrupted(PRELUDE + wait, completions)


def test_ctrl_c_among_threads_that_wait():
    code = PRELUDE + """
import threading
ticket = paused()
waiting = threading.Thread(target=ticket.wait)
waiting.start()
waits(ring.acquire)
waiting.join()
"""
    assert_interrupted(code, 1)


def test_ctrl_c_ends_the_wait_for_text(device):
    code = f"""
import cbr.decode
decoder = cbr.decode.Decoder({str(MODEL)!r})
text = decoder.generate("In the beginning", 4000)
next(text)
try:
    print("ready", flush=True)
    for piece in text: pass
except KeyboardInterrupt:
    print("interrupted", flush=True)
text.close()
print("drained", decoder.statistics().in_flight, flush=True)
"""
    assert_interrupted(code, 0)


def test_ctrl_c_ends_the_loading_of_a_model(device):
    # Nobody is made to hand the interpreter's lock over: the other thread gets it while the model
    # loads, and no sooner. The second model is none: where loading went on, that would be said.
    interval = sys.getswitchinterval()
    start = threading.Semaphore(0)

    def press():
        start.acquire()
        _thread.interrupt_main()

    thread = threading.Thread(target=press)
    thread.start()
    models = [(str(MODEL), {}, 64, device, None), ("/nowhere", {}, 64, device, None)]
    sys.setswitchinterval(3600)
    try:
        start.release()
        with pytest.raises(KeyboardInterrupt):
            list(itertools.starmap(cbr._cbr.LoadedModel, models))
    finally:
        sys.setswitchinterval(interval)
        thread.join()
