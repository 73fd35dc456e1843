"""Rings, leases, tickets, statistics, options and errors."""

import copy
import gc
import json
import logging
import math
import pathlib
import pickle
import threading
import weakref

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


@pytest.mark.parametrize("options", [{}, {"timeout_ms": 0}, {"config": {"timeout_ms": 0}}])
def test_without_a_limit_an_acquire_waits_until_there_is_a_slot(gpu, options):
    with cbr.CommandBufferRing(1, backend=gpu, **options) as ring:
        acquire_while_another_holds_it(ring, ring.acquire)


def test_an_infinite_limit_goes_over_the_rings_own(gpu):
    with cbr.CommandBufferRing(1, 7, backend=gpu) as ring:
        acquire_while_another_holds_it(ring, lambda: ring.acquire(timeout=math.inf))
        acquire_while_another_holds_it(ring, lambda: ring.try_acquire(math.inf))


def acquire_while_another_holds_it(ring, acquire):
    held = ring.acquire()
    got = []
    waiter = threading.Thread(target=lambda: got.append(acquire()))
    before = ring.statistics().wait_events
    waiter.start()
    while ring.statistics().wait_events == before:
        pass
    held.discard()
    waiter.join()
    got.pop().discard()
    assert ring.statistics().timeout_events == 0


def test_an_attempt_with_a_limit(gpu, ring):
    gpu.pause()
    submit(ring)
    submit(ring)
    now = gpu.now
    assert ring.try_acquire() is None
    assert gpu.now == now
    assert ring.try_acquire(0.25) is None
    assert gpu.now == pytest.approx(now + 0.25)
    gpu.release()
    ring.try_acquire(0.25).discard()


@pytest.mark.parametrize(("gpu_times", "interval", "end"), [
    (None, True, 64_000), ("both", True, 64_000), (cbr.GpuTimes.end, False, 64_000),
    ("sampled", True, 64_000), ("none", False, None)])
def test_the_gpu_notes_the_times_that_are_asked_for(gpu, gpu_times, interval, end):
    with cbr.CommandBufferRing(backend=gpu, gpu_times=gpu_times) as ring:
        ticket = submit(ring, encode=20e-6, execute=44e-6)
        assert ticket.done or ticket.gpu_end is None
        ticket.wait()
        assert (ticket.gpu_interval is not None) == interval
        assert ticket.gpu_end == end
        assert end is None or isinstance(ticket.gpu_end, int)


def test_a_failure_reaches_the_ticket(ring):
    ticket = submit(ring, fault="fail_execution")
    with pytest.raises(cbr.ExecutionFailed):
        ticket.wait()
    assert isinstance(ticket.error, cbr.ExecutionFailed)
    good = submit(ring)
    good.wait()
    assert good.error is None
    assert ring.statistics().failures == 1


def test_a_refused_submission_raises(ring):
    with pytest.raises(cbr.SubmitFailed) as caught:
        submit(ring, fault="fail_submit")
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


def test_a_callback_is_taken_back(gpu, ring):
    class Kept:
        pass

    called = []
    kept = Kept()
    alive = weakref.ref(kept)
    gpu.pause()
    ticket = submit(ring)
    handle = ticket.on_complete(lambda _, kept=kept: called.append("taken back"))
    ticket.on_complete(lambda _: called.append("left"))  # The handle goes, the callback stays.
    del kept
    assert handle.valid and repr(handle) == "<cbr.CallbackHandle>"
    assert alive() is not None
    assert handle.cancel() is True
    assert alive() is None
    assert not handle.valid and repr(handle) == "<cbr.CallbackHandle, cancelled>"
    assert handle.cancel() is False
    gpu.release()
    ticket.wait()
    ring.close()
    assert called == ["left"]


def test_a_callback_that_has_run_lets_go_of_what_it_had(gpu, ring):
    class Kept:
        pass

    kept = Kept()
    alive = weakref.ref(kept)
    gpu.pause()
    handles = []
    # The callback has its own handle, and the handle the callback.
    handles.append(submit(ring).on_complete(lambda _, kept=kept: handles[0].cancel()))
    del kept
    gpu.release()
    ring.close()
    gc.collect()
    assert alive() is None
    assert handles[0].cancel() is False


def test_to_take_a_callback_back_waits_for_its_end(gpu, ring):
    running, go_on = threading.Event(), threading.Event()
    ended = []

    def work(_):
        running.set()
        go_on.wait(60)
        ended.append(True)

    gpu.pause()
    handle = submit(ring).on_complete(work)
    gpu.release()
    assert running.wait(60)
    results = []
    # It lets go of the interpreter's lock, or the callback could never end.
    canceller = threading.Thread(target=lambda: results.append((handle.cancel(), list(ended))))
    canceller.start()
    while handle.valid:
        pass
    go_on.set()
    canceller.join()
    assert results == [(False, [True])]


def test_a_callback_may_take_itself_back(ring):
    results = []
    called = threading.Event()
    handles = []

    def work(_):
        ready.wait(60)
        results.append(handles[0].cancel())
        called.set()

    ready = threading.Event()
    handles.append(submit(ring, execute=1e-3).on_complete(work))
    ready.set()
    ring.drain()
    assert called.wait(60)
    assert results == [False]


def test_a_handle_may_outlive_everything(gpu):
    ring = cbr.CommandBufferRing(backend=gpu)
    handle = submit(ring).on_complete(lambda _: None)
    ring.close()
    del ring
    assert handle.cancel() is False


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
    ({"wait_strategy": "nap"}, ["wait_strategy", "nap", "hybrid", "adaptive"]),
    ({"gpu_times": "start"}, ["gpu_times", "start", "both", "end", "sampled", "none"]),
    ({"timeout_ms": -1}, ["timeout_ms", "-1"]),
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
    # Coroutines are C++'s, and the check is Python's own signals. A limit in milliseconds is what
    # files have, and so are those of a ring_size that is "auto".
    assert fields - parameters == {"auto_ring_size", "executor", "interrupt_check", "timeout"}
    assert {"timeout_ms", "largest_ring_size", "max_queued_ms"} <= parameters


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


def test_a_message_is_its_line_and_tells_what_it_says(gpu):
    messages = []
    with cbr.CommandBufferRing(1, backend=gpu, name="mine", log_wait_events=True,
                               log_sink=messages.append) as ring:
        ticket = submit(ring, execute=2e-3)
        lease = ring.acquire(label="step 2")
        waiting, waited = messages
        assert isinstance(waiting, str) and isinstance(waiting, cbr.LogMessage)
        assert waiting == "[DEBUG] mine: Waiting for slot #0..."
        assert str(waited) == "[DEBUG] mine: Waited 2.00ms for slot #0"
        assert (waited.level, waited.event) == (cbr.LogLevel.debug, "waited")
        assert (waited.ring, waited.text, waited.slot) == ("mine", "Waited 2.00ms for slot #0", 0)
        assert waited.duration == pytest.approx(2e-3)
        assert waiting.event is cbr.LogEvent.waiting and waiting.duration is None
        messages.clear()
        del lease
        dropped = messages[0]
        assert dropped.startswith("[WARNING] mine: the lease of slot #0 'step 2', acquired at")
        assert (dropped.level, dropped.event) == (cbr.LogLevel.warning, cbr.LogEvent.abandoned_lease)
        assert (dropped.label, dropped.serial, dropped.submitted_at) == ("step 2", None, None)
        here = pathlib.Path(__file__)
        assert pathlib.Path(dropped.acquired_at.file) == here
        assert dropped.acquired_at.function == "test_a_message_is_its_line_and_tells_what_it_says"
        source = here.read_text(encoding="utf-8").splitlines()
        assert 'label="step 2"' in source[dropped.acquired_at.line - 1]
        assert str(dropped.acquired_at) in dropped
        assert ticket.done


def test_a_message_of_failed_work_names_the_submission():
    messages = []
    with cbr.CommandBufferRing(1, backend="simulated", log_sink=messages.append) as ring:
        submit(ring).wait()
        submit(ring, fault="fail_execution")
        ring.drain()
        ring.acquire().discard()
    unseen = [each for each in messages if each.event == cbr.LogEvent.unseen_failure]
    assert len(unseen) == 1
    assert (unseen[0].slot, unseen[0].queue, unseen[0].serial) == (0, 0, 2)
    assert unseen[0].submitted_at.function == "submit"


def test_messages_are_for_logging(caplog):
    log = logging.getLogger("gpu")
    with cbr.CommandBufferRing(backend="simulated",
                               log_sink=lambda message: log.log(message.level, message)) as ring:
        ring.acquire(label="100 %s")
    assert [(record.levelname, record.name) for record in caplog.records] == [("WARNING", "gpu")]
    assert "100 %s" in caplog.text


def test_messages_can_be_copied_and_pickled():
    messages = []
    with cbr.CommandBufferRing(backend="simulated", log_sink=messages.append) as ring:
        ring.acquire(label="x")
    for made in (copy.copy(messages[0]), pickle.loads(pickle.dumps(messages[0]))):
        assert (made, made.event, made.label, made.acquired_at) == (
            messages[0], messages[0].event, "x", messages[0].acquired_at)


def test_text_that_is_no_utf8_gets_through():
    messages = []
    with cbr.CommandBufferRing(backend="simulated", log_sink=messages.append) as ring:
        ring.acquire(label="ö" * 16)  # The 31st byte is half of one.
    assert len(messages) == 1 and messages[0].label.startswith("ö" * 15)


def test_the_header_and_python_have_the_same_events():
    import re
    header = (pathlib.Path(__file__).resolve().parents[2] / "include/cbr/log.h").read_text(
        encoding="utf-8")
    for name, members in [("LogEvent", cbr.LogEvent), ("LogLevel", cbr.LogLevel)]:
        body = re.search(rf"enum class {name} : std::uint8_t \{{(.*?)\n\}};", header, re.DOTALL)[1]
        assert re.findall(r"^  (\w+),$", body, re.MULTILINE) == [each.name for each in members]
    struct = re.search(r"struct LogMessage \{(.*?)\n\};", header, re.DOTALL)[1]
    fields = set(re.findall(r"^  [\w:<>]+ (\w+) = ", struct, re.MULTILINE))
    assert fields - {"sync_point"} | {"queue", "serial"} == set(cbr.LogMessage.__slots__)


def test_leaks_are_listed():
    with cbr.CommandBufferRing(backend="simulated", log_sink=lambda line: None) as ring:
        assert ring.leaked() == []
        ring.acquire()
        assert len(ring.leaked()) == 1


def test_resize(ring):
    ring.set_ring_size(4)
    assert ring.ring_size == 4


def work(ring, steps):
    for step in range(steps):
        with ring.acquire() as lease:
            cbr.simulated.record(lease, encode=450e-6 if step % 16 == 0 else 20e-6, submit=3e-6,
                                 execute=100e-6)
    ring.drain()


def test_a_ring_chooses_its_size(gpu):
    messages = []
    with cbr.CommandBufferRing(ring_size="auto", backend=gpu, log_sink=messages.append) as ring:
        assert ring.ring_size == 2
        work(ring, 2000)
        assert ring.ring_size == 6
    assert [(message.event, message.level) for message in messages] == [
        ("resized", cbr.LogLevel.info)]
    assert "ring size 6 in place of 2" in messages[0]


def test_a_ring_that_chooses_keeps_to_its_limits(gpu):
    with cbr.CommandBufferRing(ring_size="auto", largest_ring_size=4, backend=gpu,
                               log_sink=lambda _: None) as ring:
        work(ring, 2000)
        assert ring.ring_size == 4
        ring.set_ring_size(5)
        ring.reset("simulated")
        assert ring.ring_size == 5


def test_limits_are_for_a_ring_that_chooses():
    with pytest.raises(cbr.InvalidOption, match='max_queued_ms is for a ring_size that is "auto"'):
        cbr.CommandBufferRing(max_queued_ms=3, backend="simulated")
    with pytest.raises(TypeError, match="ring_size is 'automatic', a whole number or \"auto\" is"):
        cbr.CommandBufferRing(ring_size="automatic", backend="simulated")
    with cbr.CommandBufferRing(config={"ring_size": "auto"}, backend="simulated", max_queued_ms=3) as ring:
        assert ring.ring_size == 2


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


def test_calls_that_fail_once_may_be_made_again():
    faults = cbr.FaultInjector("simulated", seed=1, wait=0.5, completed=0.5, finish=1.0)
    messages = []

    def waited(ticket):
        try:
            return ticket.wait()
        except cbr.BackendError:
            return False

    with cbr.CommandBufferRing(backend=faults, log_sink=messages.append) as ring:
        steps = 0
        while min(faults.injected("fail_wait"), faults.injected("fail_completed")) < 3:
            ticket = ring.acquire().submit()
            while not waited(ticket):
                pass
            assert ticket.error is None and ticket.gpu_interval is None
            steps += 1
        assert ring.statistics().completions == steps
    assert faults.injected("fail_finish") == steps
    assert [message.event for message in messages] == ["backend_failure"] * steps
    assert faults.injected("fail_wake") == 0


def test_a_wake_that_fails_is_told():
    faults = cbr.FaultInjector("simulated", wake=1.0)
    messages = []
    called = threading.Event()
    with cbr.CommandBufferRing(backend=faults, log_sink=messages.append) as ring:
        # The completion thread waits in the backend, so the ring's end wakes whoever does.
        ring.acquire().submit().on_complete(lambda ticket: called.set())
        called.wait()
    assert faults.injected("fail_wake") == 1
    assert [message.event for message in messages] == ["backend_failure"]
    assert faults.injected("fail_wait") == faults.injected("fail_finish") == 0


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
