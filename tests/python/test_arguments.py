"""What a wrong argument is told: one line with its name, its value and what is needed."""

import numpy
import pytest

import cbr
import cbr.compute


@pytest.fixture
def lease(ring):
    held = ring.acquire()
    yield held
    held.discard()


@pytest.fixture
def ticket(ring):
    return ring.acquire().submit()


def says(error, *words):
    text = str(error.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text


@pytest.mark.parametrize(("call", "words"), [
    (lambda ring: ring.acquire("soon"), ["timeout is 'soon'", "a number or None"]),
    (lambda ring: ring.acquire(queue="a"), ["queue is 'a'", "a whole number or None"]),
    (lambda ring: ring.acquire(priority=1.5), ["priority is 1.5", "a whole number"]),
    (lambda ring: ring.acquire(label=3), ["label is 3", "a string"]),
    (lambda ring: ring.try_acquire(label=b"x"), ["label is b'x'", "a string"]),
    (lambda ring: ring.try_acquire("soon"), ["timeout is 'soon'", "a number or None"]),
    (lambda ring: cbr.CommandBufferRing(backend="simulated", timeout_ms=1.5),
     ["timeout_ms is 1.5", "a whole number"]),
    (lambda ring: cbr.CommandBufferRing(backend="simulated", gpu_times=True),
     ["gpu_times is True", "a string"]),
    (lambda ring: ring.sequence("a"), ["queue is 'a'", "a whole number or None"]),
    (lambda ring: ring.sequence().acquire([]), ["timeout is []", "a number or None"]),
    (lambda ring: ring.set_ring_size("4"), ["ring_size is '4'", "a whole number"]),
    (lambda ring: ring.set_ring_size(True), ["ring_size is True", "a whole number"]),
    (lambda ring: ring.reset(3), ["backend is 3", "a Device or a Backend"]),
    (lambda ring: cbr.CommandBufferRing(backend="simulated", reserved_slots=[1, "x"]),
     ["reserved_slots[1] is 'x'", "a whole number"]),
    (lambda ring: cbr.wait_any([1]), ["tickets[0] is 1", "a Ticket"]),
    (lambda ring: cbr.wait_all(3), ["tickets is 3", "a sequence, each a Ticket"]),
    (lambda ring: cbr.simulated.record(ring), ["lease is <cbr.CommandBufferRing", "a Lease"]),
    (lambda ring: cbr.simulated.Gpu("2"), ["queue_count is '2'", "a whole number"]),
    (lambda ring: cbr.FaultInjector("simulated", seed="x"), ["seed is 'x'", "a whole number"]),
    (lambda ring: cbr.FaultInjector("simulated", wake="x"), ["wake is 'x'", "a number"]),
    (lambda ring: cbr.FaultInjector("simulated").fail_next(3), ["fault is 3", "a string"]),
    (lambda ring: cbr.FaultInjector("simulated", script=["hang"]),
     ["script[0] is 'hang'", "a pair of a string and a whole number"]),
    (lambda ring: cbr.FaultInjector("simulated", script=[("hang", "1")]),
     ["script[0][1] is '1'", "a whole number"]),
    (lambda ring: cbr.CommandBufferRing(config={3: 1}, backend="simulated"),
     ["the name of an option is 3", "a string"]),
    (lambda ring: cbr.Device(3.5), ["device is 3.5", "an index or a part of a name"]),
    (lambda ring: cbr.Device(None), ["device is None"]),
    (lambda ring: cbr.Device(queues=3), ["queues is 3", "a sequence, each a number"]),
    (lambda ring: cbr.compute.Buffer("64"), ["size is '64'", "a whole number"]),
    (lambda ring: cbr.compute.Buffer(64, 3), ["placement is 3", "a string"]),
    (lambda ring: cbr.compute.Buffer(64, device="x"), ["device is 'x'", "a Device or None"]),
    (lambda ring: cbr.compute.Kernel(numpy.zeros), ["spirv is ", "the buffer protocol"]),
    (lambda ring: cbr.compute.compile_glsl(b"#version 450"),
     ["source is b'#version 450'", "a string"]),
])
def test_a_wrong_type_is_named(ring, call, words):
    with pytest.raises(TypeError) as caught:
        call(ring)
    says(caught, *words)


def test_wrong_types_of_leases_and_tickets(lease, ticket):
    for call, words in [
            (lambda: lease.set_label(3), ["label is 3", "a string"]),
            (lambda: lease.dispatch("k", 1), ["kernel is 'k'", "a Kernel"]),
            (lambda: lease.copy(lease, lease), ["source is <cbr.Lease", "a Buffer"]),
            (lambda: cbr.simulated.record(lease, execute="1"), ["execute is '1'", "a number"]),
            (lambda: ticket.wait("x"), ["timeout is 'x'", "a number or None"]),
            (lambda: ticket.on_complete(3), ["callback is 3", "a function"])]:
        with pytest.raises(TypeError) as caught:
            call()
        says(caught, *words)


def test_numbers_out_of_range(ring, lease):
    for call, words in [
            (lambda: ring.acquire(queue=-1), ["queue is -1", "0 to 4294967295"]),
            (lambda: ring.acquire(timeout=float("nan")), ["timeout is nan"]),
            (lambda: cbr.simulated.record(lease, execute=float("nan")), ["execute is nan"]),
            (lambda: cbr.compute.Buffer(-1), ["size is -1", "0 to 18446744073709551615"]),
            (lambda: cbr.simulated.record(lease, fault="x"), ['fault is "x"', '"hang"'])]:
        with pytest.raises(cbr.InvalidOption) as caught:
            call()
        says(caught, *words)


@pytest.mark.parametrize("value", [-0.5, 1.5, float("nan")])
@pytest.mark.parametrize("name", ["begin", "submit", "execution", "hang", "device_loss", "wait",
                                  "completed", "finish", "wake"])
def test_probabilities_are_from_0_to_1(name, value):
    with pytest.raises(cbr.InvalidOption) as caught:
        cbr.FaultInjector("simulated", **{name: value})
    says(caught, f": {name} is {value}", "0 to 1")


def test_numpys_numbers_are_numbers(ring):
    ring.set_ring_size(numpy.int64(3))
    assert ring.ring_size == 3
    ring.acquire(timeout=numpy.float32(1), queue=numpy.uint8(0)).discard()


def test_tickets_may_come_from_a_generator(ring):
    assert cbr.wait_all(ring.acquire().submit() for _ in range(2))
    assert cbr.wait_any({ring.acquire().submit()}) == 0


def test_a_long_value_is_cut(ring):
    with pytest.raises(TypeError) as caught:
        ring.acquire(timeout=numpy.zeros((100, 100)))
    says(caught, "timeout is array([[0., 0.", "...")
    assert len(str(caught.value)) < 200


def test_comparing_with_something_else_is_no_error(ticket):
    ticket.wait()
    assert ticket.gpu_interval != 3
    assert ticket.gpu_interval == ticket.gpu_interval


def test_awaiting_outside_asyncio_is_a_clear_error(gpu, ring):
    gpu.pause()
    with pytest.raises(RuntimeError, match="no running event loop"):
        ring.acquire().submit().__await__().send(None)
    gpu.release()
