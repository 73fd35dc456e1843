"""Rings, leases, tickets, statistics, options and errors."""

import json
import pathlib
import threading

import pytest

import cbr


def submit(ring, **plan):
    with ring.acquire() as lease:
        cbr.simulated.record(lease, **plan)
    return lease.ticket


def test_leaving_the_block_submits(ring):
    with ring.acquire() as lease:
        assert lease.valid
    assert not lease.valid
    assert lease.ticket.wait()
    assert ring.statistics().completions == 1


def test_an_exception_discards(ring):
    with pytest.raises(KeyError):
        with ring.acquire() as lease:
            raise KeyError
    assert not lease.valid
    with pytest.raises(cbr.InvalidUsage):
        _ = lease.ticket
    statistics = ring.statistics()
    assert (statistics.submissions, statistics.discarded) == (0, 1)


def test_a_lease_ended_inside_the_block_stays_so(ring):
    with ring.acquire() as lease:
        lease.discard()
    with ring.acquire() as lease:
        ticket = lease.submit()
    assert lease.ticket.serial == ticket.serial == 1
    assert ring.statistics().submissions == 1


def test_use_after_submit_is_an_error(ring):
    lease = ring.acquire()
    lease.submit()
    for use in (lease.submit, lambda: lease.slot, lambda: lease.set_label("x")):
        with pytest.raises(cbr.InvalidUsage):
            use()


def test_timings_come_out_exactly(ring):
    ticket = submit(ring, encode=20e-6, execute=44e-6)
    assert ticket.gpu_interval is None or ticket.done
    ticket.wait()
    assert ticket.gpu_interval.start == 20_000
    assert ticket.gpu_interval.end == 64_000
    assert ticket.gpu_interval.duration == 44_000


def test_a_wait_with_a_limit(gpu, ring):
    gpu.pause()
    ticket = submit(ring)
    assert ticket.wait(timeout=0.25) is False
    assert not ticket.done
    gpu.release()
    assert ticket.wait(timeout=0.25) is True


def test_acquire_timeout_is_a_timeout_error(gpu, ring):
    gpu.pause()
    submit(ring)
    submit(ring)
    with pytest.raises(TimeoutError) as caught:
        ring.acquire(timeout=0.005)
    assert isinstance(caught.value, (cbr.AcquireTimeout, cbr.Error))
    assert "CommandRing" in str(caught.value) and "5" in str(caught.value)
    assert ring.try_acquire() is None
    assert ring.statistics().timeout_events == 1


def test_the_rings_own_limit(gpu):
    with cbr.CommandBufferRing(1, 7, backend=gpu) as ring:
        lease = ring.acquire()
        with pytest.raises(cbr.AcquireTimeout):
            ring.acquire()
        lease.discard()


def test_a_failure_reaches_the_ticket(ring):
    ticket = submit(ring, fate="fail_execution")
    with pytest.raises(cbr.ExecutionFailed):
        ticket.wait()
    assert isinstance(ticket.error, cbr.ExecutionFailed)
    good = submit(ring)
    good.wait()
    assert good.error is None
    assert ring.statistics().failures == 1


def test_a_refused_submission_raises(ring):
    with pytest.raises(cbr.SubmitFailed) as caught:
        submit(ring, fate="fail_submit")
    assert isinstance(caught.value, cbr.BackendError)
    assert ring.statistics().discarded == 1


def test_a_lost_device_and_a_fresh_start(gpu, ring):
    gpu.lose_device()
    with pytest.raises(cbr.DeviceLost):
        ring.acquire()
    ring.reset(backend="simulated")
    submit(ring).wait()


def test_callbacks_get_the_ticket_once(ring):
    called = threading.Event()
    seen = []

    def ended(ticket):
        seen.append((ticket.serial, ticket.done, threading.current_thread()))
        called.set()

    ticket = submit(ring, execute=1e-3)
    ticket.on_complete(ended)
    ticket.wait()
    assert called.wait(60)
    ring.drain()
    assert [(serial, done) for serial, done, _ in seen] == [(1, True)]


def test_an_exception_in_a_callback_goes_to_the_unraisable_hook(ring, monkeypatch):
    import sys
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda info: seen.append(info.exc_type))
    ticket = submit(ring)
    ticket.wait()
    ticket.on_complete(lambda _: 1 / 0)
    assert seen == [ZeroDivisionError]


def test_wait_any_and_wait_all(gpu, ring):
    tickets = [submit(ring, execute=1e-3), submit(ring, execute=1e-3)]
    assert cbr.wait_any(tickets) == 0
    assert cbr.wait_all(tickets) is True
    gpu.pause()
    hung = submit(ring)
    assert cbr.wait_any([hung], timeout=0.01) is None
    assert cbr.wait_all([hung], timeout=0.01) is False
    with pytest.raises(cbr.InvalidUsage):
        cbr.wait_any([])


def test_a_sequence_runs_in_the_order_of_acquisition(ring):
    sequence = ring.sequence()
    first, second = sequence.acquire(), sequence.acquire()
    late = second.submit()
    assert late.serial == 0
    early = first.submit()
    cbr.wait_all([early, late])
    assert (early.serial, late.serial) == (1, 2)


def test_priorities_are_served_first(gpu):
    with cbr.CommandBufferRing(1, backend=gpu, allocation_strategy="priority") as ring:
        held = ring.acquire()
        order = []

        def ask(priority):
            with ring.acquire(priority=priority):
                order.append(priority)

        threads = []
        for count, priority in enumerate(["low", "high"], 1):
            threads.append(threading.Thread(target=ask, args=[priority]))
            threads[-1].start()
            while ring.statistics().wait_events < count:
                pass
        held.discard()
        for thread in threads:
            thread.join()
        assert order == ["high", "low"]
        with pytest.raises(cbr.InvalidOption):
            ring.acquire(priority=7)


def test_enums_and_strings_mean_the_same(gpu):
    with cbr.CommandBufferRing(backend=gpu, wait_strategy=cbr.WaitStrategy.spin,
                               allocation_strategy=cbr.AllocationStrategy.round_robin) as ring:
        assert ring.spin_limit > 1e6
        ring.acquire(priority=cbr.Priority.high).discard()


@pytest.mark.parametrize(("options", "words"), [
    ({"ring_size": 0}, ["ring_size", "0"]),
    ({"ring_size": 5000}, ["5000", "1024"]),
    ({"ring_size": -1}, ["ring_size", "-1"]),
    ({"allocation_strategy": "fair"}, ["allocation_strategy", "fair", "round-robin"]),
    ({"wait_strategy": "nap"}, ["wait_strategy", "nap", "hybrid"]),
    ({"backend": "metal-ish"}, ["metal-ish", "vulkan", "simulated"]),
    ({"config": {"ringsize": 2}}, ["ringsize", "ring_size"]),
])
def test_wrong_options_name_value_and_limit(options, words):
    with pytest.raises(cbr.InvalidOption) as caught:
        cbr.CommandBufferRing(**{"backend": "simulated", **options})
    assert isinstance(caught.value, ValueError)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("options", [{"ring_size": "3"}, {"ring_size": True}, {"ring_size": 2.5},
                                     {"log_wait_events": 1}, {"log_sink": 3}, {"backend": 3},
                                     {"config": 3}])
def test_wrong_types(options):
    with pytest.raises(TypeError):
        cbr.CommandBufferRing(**{"backend": "simulated", **options})


def test_a_configuration_and_what_the_call_says_over_it():
    config = {"ring_size": 5, "name": "configured"}
    with cbr.CommandBufferRing(ring_size=2, config=config, backend="simulated") as ring:
        assert (ring.ring_size, ring.name) == (2, "configured")
    assert config == {"ring_size": 5, "name": "configured"}


def test_the_header_and_python_have_the_same_options():
    import inspect
    import re
    source = pathlib.Path(__file__).resolve().parents[2]
    header = (source / "include/cbr/options.h").read_text(encoding="utf-8")
    struct = re.search(r"struct RingOptions \{(.*?)\n\};", header, re.DOTALL).group(1)
    fields = set(re.findall(r"^  [\w:<>(), ]+ (\w+) = ", struct, re.MULTILINE))
    parameters = set(inspect.signature(cbr.CommandBufferRing.__init__).parameters)
    # Coroutines are C++'s, observers not bound, and the check is Python's own signals.
    assert fields - parameters == {"executor", "observer", "interrupt_check"}


def test_statistics(ring):
    submit(ring).wait()
    statistics = ring.statistics()
    values = statistics.to_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["total_acquisitions"] == statistics.total_acquisitions == 1
    assert values["reuse_rate"] == 1.0
    assert repr(statistics).startswith("RingStatistics(total_acquisitions=1, ")
    header = (pathlib.Path(__file__).resolve().parents[2] / "include/cbr/statistics.h").read_text()
    for name in values:
        assert f" {name} = " in header
    ring.reset_statistics()
    assert ring.statistics().total_acquisitions == 0


def test_messages_go_to_the_sink_and_name_the_python_line():
    lines = []
    ring = cbr.CommandBufferRing(backend="simulated", log_sink=lines.append)
    lease = ring.acquire()  # dropped here
    del lease
    ring.close()
    assert len(lines) == 1 and "test_ring.py" in lines[0]


def test_leaks_are_listed():
    with cbr.CommandBufferRing(backend="simulated", log_sink=lambda line: None) as ring:
        assert ring.leaked() == []
        ring.acquire()
        assert len(ring.leaked()) == 1


def test_resize(ring):
    ring.set_ring_size(4)
    assert ring.ring_size == 4


def test_the_lock_is_free_while_a_thread_waits(gpu, ring):
    # If acquire() kept the interpreter's lock, nobody could ever end its wait.
    leases = [ring.acquire(), ring.acquire()]
    waiter = threading.Thread(target=lambda: ring.acquire().discard())
    waiter.start()
    while ring.statistics().wait_events < 1:
        pass
    for lease in leases:
        lease.discard()
    waiter.join()


def test_faults_on_demand():
    faults = cbr.FaultInjector("simulated", script=[("fail_submit", 2)])
    with cbr.CommandBufferRing(backend=cbr.validate(faults)) as ring:
        ring.acquire().submit()
        with pytest.raises(cbr.SubmitFailed):
            ring.acquire().submit()
        assert faults.injected("fail_submit") == 1
        with pytest.raises(cbr.InvalidOption):
            faults.fail_next("melt")


def test_many_threads_share_a_ring(ring):
    def work():
        for _ in range(200):
            submit(ring, execute=1e-6)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ring.drain()
    statistics = ring.statistics()
    assert statistics.completions == 800 and statistics.leased == 0


def test_every_object_describes_itself(gpu, ring):
    lease = ring.acquire()
    assert repr(ring) == '<cbr.CommandBufferRing "CommandRing": 2 slots, 1 leased, 0 in flight>'
    assert repr(lease) == "<cbr.Lease of slot 0, queue 0>"
    gpu.pause()
    ticket = lease.submit()
    assert repr(lease) == "<cbr.Lease, submitted>"
    assert repr(ticket) == "<cbr.Ticket of slot 0, queue 0, serial 1, in flight>"
    gpu.release()
    ticket.wait()
    assert repr(ticket).endswith("done>")
    assert repr(ticket.gpu_interval) == "GpuInterval(start=0, end=0)"
    other = ring.acquire()
    other.discard()
    assert repr(other) == "<cbr.Lease, discarded>"
    assert repr(ring.sequence()) == "<cbr.Sequence on queue 0>"
    assert repr(gpu) == "<cbr.simulated.Gpu at 0 s>"
    assert repr(cbr.FaultInjector("simulated")) == "<cbr.FaultInjector>"
    assert repr(cbr.validate("simulated")) == "<cbr.Backend>"
    ring.close()
    assert repr(ring) == "<cbr.CommandBufferRing, closed>"


def test_nested_leases(ring):
    with ring.acquire() as outer:
        with ring.acquire() as inner:
            pass
        with pytest.raises(KeyError):
            with ring.acquire():
                raise KeyError
    assert (inner.ticket.serial, outer.ticket.serial) == (1, 2)
    assert ring.statistics().discarded == 1
