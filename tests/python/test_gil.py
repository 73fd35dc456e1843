"""The interpreter lock is free while a call waits, loads, copies or compiles."""

import sys
import threading
import time

import pytest

import cbr
import cbr.compute
import cbr.decode
from conftest import SOURCE
from test_compute import GLSL, needs_compiler

MODEL = SOURCE / "models" / "tiny-qwen2-kjv-4bit"
SIZE = 1 << 22


@pytest.fixture(scope="module")
def others():
    """Whether another thread gets to run inside a call.

    No thread is made to hand the lock over (the interval is an hour), and the counting one does so
    each time: it counts only where the call itself lets go of the lock. A call may be too short for
    a thread to wake up in, on a busy machine above all, so it is made until the count moves: `times`
    times, or for half a minute.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(3600)
    count = 0
    ended = False

    def work():
        nonlocal count
        while not ended:
            count += 1
            time.sleep(0)

    def run_during(call, times=None, prepare=lambda: None):
        end = time.monotonic() + 30
        made = 0
        while made < times if times else time.monotonic() < end:
            made += 1
            prepared = prepare()
            before = count
            call(prepared)
            if count != before:
                return True
        return False

    thread = threading.Thread(target=work)
    thread.start()
    yield run_during
    ended = True
    sys.setswitchinterval(interval)
    thread.join()


def test_a_call_that_keeps_the_lock_is_noticed(others):
    assert not others(lambda _: sum(range(1000)), times=100)


@pytest.fixture(scope="module")
def ring(device):
    with cbr.CommandBufferRing(backend=device) as made:
        yield made


@pytest.mark.parametrize("wait", [
    lambda ticket: ticket.wait(), lambda ticket: ticket.wait(10),
    lambda ticket: cbr.wait_any([ticket]), lambda ticket: cbr.wait_all([ticket])],
    ids=["wait", "wait with a limit", "wait_any", "wait_all"])
def test_others_run_while_a_ticket_is_waited_for(wait, others, ring):
    assert others(wait, prepare=lambda: ring.acquire().submit())


@pytest.mark.parametrize("call", [
    lambda lease: lease.submit(), lambda lease: lease.discard()], ids=["submit", "discard"])
def test_others_run_while_a_lease_ends(call, others, ring):
    assert others(call, prepare=ring.acquire)


def test_others_run_while_a_lease_is_dropped(others, device):
    with cbr.CommandBufferRing(backend=device, log_sink=lambda message: None) as ring:
        assert others(lambda held: held.clear(), prepare=lambda: [ring.acquire()])


def test_others_run_while_a_callback_is_given_and_taken_back(others, ring):
    def submit():
        return ring.acquire().submit()

    assert others(lambda ticket: ticket.on_complete(str), prepare=submit)
    assert others(lambda handle: handle.cancel(), prepare=lambda: submit().on_complete(str))


def test_others_run_while_a_ring_works(others, ring, device):
    held = []

    def give_back():
        while held:
            held.pop().discard()

    assert others(lambda _: held.append(ring.acquire()), prepare=give_back)
    give_back()
    assert others(lambda _: ring.drain(), prepare=lambda: ring.acquire().submit())
    made = []
    assert others(lambda _: made.append(cbr.CommandBufferRing(backend=device)), prepare=made.clear)
    assert others(lambda ring: ring.close(), prepare=lambda: cbr.CommandBufferRing(backend=device))


def test_others_run_while_devices_are_looked_for_and_opened(others):
    assert others(lambda _: cbr.list_devices())
    assert others(lambda _: cbr.Device())


def test_others_run_while_memory_is_made_and_copied(others, device):
    assert others(lambda _: cbr.compute.Buffer(SIZE, device=device))
    data = bytes(SIZE)
    for placement in ["host-visible", "device-local"]:
        buffer = cbr.compute.Buffer(SIZE, placement, device)
        assert others(lambda _: buffer.write(data)), placement
        assert others(lambda _: buffer.read()), placement


@needs_compiler
def test_others_run_while_a_kernel_compiles(others, device):
    spirv = cbr.compute.compile_glsl(GLSL)
    assert others(lambda _: cbr.compute.Kernel(spirv, push="QQIf", device=device))
    assert others(lambda _: cbr.compute.compile_glsl(GLSL))


def test_others_run_while_a_model_loads_and_writes(others, device):
    assert others(lambda _: cbr.decode.Decoder(MODEL, context_capacity=64, device=device))
    decoder = cbr.decode.Decoder(MODEL, context_capacity=64, device=device)
    assert others(lambda _: decoder.tokenize("In the beginning " * 100))
    assert others(lambda _: list(decoder.generate("In the beginning", 4)))
