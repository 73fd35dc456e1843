"""Observers in Python."""

import gc
import threading
import weakref

import pytest

import cbr


class Recorder:
    def __init__(self):
        self.events = []
        self.lock = threading.Lock()

    def note(self, *event):
        with self.lock:
            self.events.append(event)

    def on_acquire(self, event):
        self.note("acquire", event.slot, event.queue, event.waited)

    def on_submit(self, event):
        self.note("submit", event.slot, event.queue, event.serial)

    def on_complete(self, event):
        self.note("complete", event.slot, event.queue, event.serial, event.failed, event.interval)

    def on_discard(self, slot):
        self.note("discard", slot)

    def on_device_lost(self):
        self.note("lost")


def test_events_in_order(gpu):
    recorder = Recorder()
    with cbr.CommandBufferRing(ring_size=1, backend=gpu, observer=recorder) as ring:
        lease = ring.acquire()
        cbr.simulated.record(lease, execute=1e-3, fault="fail_execution")
        failed = lease.submit()
        with pytest.raises(cbr.ExecutionFailed):
            failed.wait()
        ring.acquire().discard()
        gpu.lose_device()
        with pytest.raises(cbr.DeviceLost):
            ring.acquire().submit().wait()
    assert [event[0] for event in recorder.events] == [
        "acquire", "submit", "complete", "acquire", "discard", "lost"]
    assert recorder.events[0] == ("acquire", 0, 0, 0.0)
    assert recorder.events[1] == ("submit", 0, 0, 1)
    assert recorder.events[2][:5] == ("complete", 0, 0, 1, True)
    assert recorder.events[4] == ("discard", 0)


def test_only_what_it_has_is_called(gpu):
    class Slots:
        def __init__(self):
            self.seen = []

        def on_complete(self, event):
            assert repr(event) == "<cbr.CompleteEvent of slot 0, queue 0, serial 1>"
            self.seen.append(event.interval.duration)

    slots = Slots()
    with cbr.CommandBufferRing(backend=gpu, observer=slots) as ring:
        lease = ring.acquire()
        cbr.simulated.record(lease, execute=1e-6)
        lease.submit()
    assert slots.seen == [1000]


def test_an_exception_goes_to_the_hook(gpu, monkeypatch):
    seen = []
    monkeypatch.setattr("sys.unraisablehook", seen.append)

    class Raises:
        def on_acquire(self, event):
            raise ZeroDivisionError

    with cbr.CommandBufferRing(backend=gpu, observer=Raises()) as ring:
        ring.acquire().submit().wait()
    assert [type(each.exc_value) for each in seen] == [ZeroDivisionError]


def test_what_is_no_observer(gpu):
    with pytest.raises(TypeError, match="observer is 3"):
        cbr.CommandBufferRing(backend=gpu, observer=3)
    with pytest.raises(TypeError, match="on_device_lost"):
        cbr.CommandBufferRing(backend=gpu, observer=object())


def test_a_ring_and_its_observer_in_a_cycle_are_collected():
    class App:
        def __init__(self):
            self.ring = cbr.CommandBufferRing(backend="simulated", observer=self)

        def on_discard(self, slot):
            pass

    app = App()
    gone = weakref.ref(app)
    app.ring.acquire().discard()
    del app
    gc.collect()
    assert gone() is None


def test_a_reset_keeps_the_observer(gpu):
    recorder = Recorder()
    with cbr.CommandBufferRing(backend=gpu, observer=recorder) as ring:
        ring.reset("simulated")
        ring.acquire().discard()
    assert [event[0] for event in recorder.events] == ["acquire", "discard"]
