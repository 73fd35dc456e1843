"""How long a ring and what belongs to it live: closing, resetting, keeping, copying."""

import copy
import gc
import pickle
import threading
import tracemalloc
import weakref

import pytest

import cbr


def test_kept_objects_live_until_the_work_has_ended(gpu, ring):
    class Thing:
        pass

    thing = Thing()
    alive = weakref.ref(thing)
    gpu.pause()
    with ring.acquire() as lease:
        lease.keep_alive(thing)
    del thing
    assert alive() is not None
    gpu.release()
    lease.ticket.wait()
    ring.close()
    assert alive() is None


def test_a_closed_ring():
    ring = cbr.CommandBufferRing(backend="simulated")
    with ring.acquire() as lease:
        pass
    orphan = ring.acquire()
    ring.close()
    ring.close()
    assert ring.closed and lease.ticket.done
    with pytest.raises(cbr.InvalidUsage):
        ring.acquire()
    with pytest.raises(cbr.InvalidUsage):
        orphan.submit()


def test_a_ring_in_a_cycle_is_collected():
    class App:
        def __init__(self):
            self.lines = []
            # The sink has the app, the app the ring, and the ring the sink.
            self.ring = cbr.CommandBufferRing(backend="simulated", log_sink=self.log)
            self.ring.acquire().submit().wait()

        def log(self, line):
            self.lines.append(line)

    app = App()
    gone = weakref.ref(app)
    app.ring.acquire()  # dropped: the sink works
    assert len(app.lines) == 1
    del app
    gc.collect()
    assert gone() is None


def test_steps_leave_no_memory_behind(gpu):
    dropped = threading.Semaphore(0)

    class Kept:
        def __del__(self):
            dropped.release()

    def steps(count):
        for step in range(count):
            with ring.acquire(label=f"step {step}") as lease:
                lease.keep_alive(Kept())
                cbr.simulated.record(lease, execute=1e-6)
            lease.ticket.on_complete(lambda ticket: None)
        # A drain doesn't wait for callbacks. What is kept goes after them.
        for _ in range(count):
            assert dropped.acquire(timeout=60)
        gc.collect()

    # The ring's thread has ended when tracing does: Python 3.11 may crash otherwise (gh-128679).
    tracemalloc.start()
    try:
        with cbr.CommandBufferRing(ring_size=2, backend=gpu) as ring:
            steps(50)
            before = tracemalloc.get_traced_memory()[0]
            steps(1000)
            # A leak of anything at each step would be some ten kilobytes.
            assert tracemalloc.get_traced_memory()[0] - before < 8000
    finally:
        tracemalloc.stop()


def test_a_reset_beside_other_threads():
    ring = cbr.CommandBufferRing(backend="simulated")
    ended = threading.Event()
    failures = []

    def work():
        try:
            while not ended.is_set():
                with ring.acquire():
                    pass
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        ring.reset("simulated")
    ended.set()
    for thread in threads:
        thread.join()
    # A lease of the old ring can't be submitted any more; nothing else may happen.
    assert all(isinstance(each, cbr.InvalidUsage) for each in failures), failures


def test_a_reset_that_fails_leaves_the_ring(gpu, ring):
    with pytest.raises(cbr.InvalidUsage, match="another ring"):
        ring.reset(gpu)
    ring.acquire().submit().wait()
    ring.set_ring_size(4)
    ring.reset("simulated")
    assert ring.ring_size == 4
    ring.acquire().submit().wait()


def test_what_holds_a_gpu_is_not_copied_and_statistics_are(gpu, ring):
    lease = ring.acquire()
    ticket = lease.submit()
    ticket.wait()
    for each in (ring, lease, ticket, gpu, ring.sequence()):
        for make in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="cannot pickle"):
                make(each)
    statistics = ring.statistics()
    for made in (pickle.loads(pickle.dumps(statistics)), copy.copy(statistics)):
        assert made.to_dict() == statistics.to_dict()


def test_a_ring_that_is_closed_inside_a_lease(ring):
    with pytest.raises(cbr.InvalidUsage, match="the ring is gone"):
        with ring.acquire() as lease:
            ring.close()
    assert repr(lease) == "<cbr.Lease, discarded>"
