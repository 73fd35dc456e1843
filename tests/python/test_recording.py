"""The time line of a ring: events that are kept, recorders, and predictions from recordings."""

import gc
import sys
import threading
import time
import weakref

import pytest

import cbr


def step(ring, label="", **plan):
    with ring.acquire(label=label) as lease:
        cbr.simulated.record(lease, **{"encode": 10e-6, "submit": 2e-6, "execute": 50e-6,
                                       "completion": 5e-6, **plan})
    return lease.ticket


class Keeper:
    """Keeps the events themselves, and looks at them when the calls are long over."""

    def __init__(self):
        self.acquired, self.submitted, self.completed = [], [], []
        self.on_acquire = self.acquired.append
        self.on_submit = self.submitted.append
        self.on_complete = self.completed.append


def test_events_can_be_kept(gpu):
    keeper = Keeper()
    gpu.advance(1.0)
    with cbr.CommandBufferRing(ring_size=1, backend=gpu, observer=keeper) as ring:
        for number in range(3):
            step(ring, label=f"step {number} of many")
    # The slot's record, and with it the label, has been used again.
    for events in (keeper.acquired, keeper.submitted, keeper.completed):
        assert [event.label for event in events] == [f"step {number} of many" for number in range(3)]
    first, second = keeper.acquired[:2]
    assert (first.begin, first.end, first.waited) == (1.0, 1.0, 0.0)
    assert second.begin == pytest.approx(1.0 + 12e-6)
    assert second.end == pytest.approx(1.0 + 67e-6)
    assert second.waited == pytest.approx(55e-6)
    submit = keeper.submitted[1]
    assert submit.begin == pytest.approx(1.0 + 77e-6) and submit.end == pytest.approx(1.0 + 79e-6)
    times = keeper.completed[1].times
    assert times.acquire_begin == second.begin and times.acquire_end == second.end
    assert times.submit_begin == submit.begin and times.submit_end == submit.end
    assert times.slot_free == pytest.approx(1.0 + 62e-6)
    assert times.held_from is None and times.dependency_end is None
    assert times.gpu.start == times.submit_end
    assert times.gpu.end == pytest.approx(times.gpu.start + 50e-6) and times.gpu.deviation == 0
    assert times.noticed == pytest.approx(times.gpu.end + 5e-6)
    assert times.waited and not times.held_for_dependency and not times.has_foreign_waits
    assert not keeper.completed[0].times.waited and keeper.completed[0].times.slot_free is None
    assert "slot_free=1.000062, " in repr(times) and repr(times).endswith(", waited>")
    assert repr(times.gpu).startswith("<cbr.HostInterval from 1.00007")


def test_a_label_that_ends_within_a_character(gpu):
    keeper = Keeper()
    with cbr.CommandBufferRing(backend=gpu, observer=keeper) as ring:
        step(ring, label="é" * 20)    # 40 bytes, of which 31 are kept
    assert keeper.completed[0].label == "é" * 15 + "\N{REPLACEMENT CHARACTER}"


def test_moments_at_the_start_of_a_virtual_clock(gpu):
    keeper = Keeper()
    with cbr.CommandBufferRing(backend=gpu, observer=keeper) as ring:
        step(ring, encode=0.0)
    assert (keeper.acquired[0].begin, keeper.submitted[0].begin) == (0.0, 0.0)
    # There they can't be told from what nobody noted.
    assert keeper.completed[0].times.acquire_begin is None


@pytest.mark.skipif(sys.platform != "linux", reason="time.monotonic() is another clock there")
def test_moments_are_those_of_time_monotonic(device):
    keeper = Keeper()
    before = time.monotonic()
    with cbr.CommandBufferRing(backend=device, observer=keeper) as ring:
        ring.acquire().submit().wait()
    times = keeper.completed[0].times
    moments = [before, times.acquire_begin, times.acquire_end, times.submit_begin, times.submit_end,
               times.noticed, time.monotonic()]
    assert moments == sorted(moments)


def test_work_that_was_held_and_refused_was_never_submitted(gpu):
    keeper = Keeper()
    gpu.advance(1.0)
    with cbr.CommandBufferRing(ring_size=2, backend=gpu, observer=keeper) as ring:
        sequence = ring.sequence()
        first = sequence.acquire()
        second = sequence.acquire()
        cbr.simulated.record(second, fault="fail_submit")
        held = second.submit()
        first.discard()
        with pytest.raises(cbr.SubmitFailed):
            held.wait()
    refused = next(event for event in keeper.submitted if event.serial == 0)
    assert refused.end is None


def test_work_that_waited_tells_for_what():
    gpu = cbr.simulated.Gpu(queue_count=2)
    gpu.advance(1.0)
    recorder = cbr.Recorder()
    with cbr.CommandBufferRing(ring_size=2, backend=gpu, observer=recorder) as ring:
        made = step(ring)
        with ring.acquire() as lease:
            cbr.simulated.record(lease, execute=1e-6)
            lease.submit(after=made)
    times = recorder.recording().submissions[1].times
    assert times.dependency_end == times.gpu.start == pytest.approx(1.0 + 62e-6)


def test_a_recorder_keeps_the_story_of_each_submission(gpu):
    recorder = cbr.Recorder(ring_name="mine")
    gpu.advance(1.0)
    with cbr.CommandBufferRing(ring_size=2, backend=gpu, observer=recorder) as ring:
        for number in range(3):
            step(ring, label=f"step {number}")
        with pytest.raises(cbr.ExecutionFailed):
            step(ring, fault="fail_execution").wait()
        ring.drain()
        recording = recorder.recording()
    assert (recording.ring_name, recording.ring_size, recording.queue_count, recording.thread_count,
            recording.dropped) == ("mine", 2, 1, 1, 0)
    assert repr(recording) == "<cbr.Recording of 4 submissions in 2 slots, 0 dropped>"
    submissions = recording.submissions
    assert submissions is recording.submissions
    assert [each.label for each in submissions] == ["step 0", "step 1", "step 2", ""]
    assert [each.failed for each in submissions] == [False, False, False, True]
    assert [each.serial for each in submissions] == [1, 2, 3, 4]
    assert [each.slot for each in submissions] == [0, 1, 0, 1]
    assert {(each.queue, each.thread) for each in submissions} == {(0, 0)}
    assert submissions[1].interval.duration == 50_000
    assert submissions[2].times.waited and submissions[2].times.acquire_begin is not None
    assert repr(submissions[3]) == "<cbr.RecordedSubmission of slot 1, queue 0, serial 4, failed>"
    # They outlive what they are from.
    del ring, recorder, recording
    gc.collect()
    assert submissions[0].label == "step 0" and submissions[0].times.noticed > 1.0


def test_a_recorder_keeps_the_newest(gpu):
    recorder = cbr.Recorder(capacity=4)
    with cbr.CommandBufferRing(ring_size=2, backend=gpu, observer=recorder) as ring:
        for _ in range(10):
            step(ring)
        ring.drain()
        assert [each.serial for each in recorder.recording().submissions] == [7, 8, 9, 10]
        assert recorder.recording().dropped == 6
        recorder.clear()
        assert recorder.recording().submissions == () and recorder.recording().dropped == 0


def test_a_recorder_tells_the_next_observer(gpu):
    keeper = Keeper()
    inner = cbr.Recorder(next=keeper)
    outer = cbr.Recorder(next=inner)
    with cbr.CommandBufferRing(backend=gpu, observer=outer) as ring:
        step(ring, label="both")
    assert [event.label for event in keeper.completed] == ["both"]
    assert len(keeper.acquired) == len(keeper.submitted) == 1
    assert len(inner.recording().submissions) == len(outer.recording().submissions) == 1


def test_one_recorder_for_several_rings():
    recorder = cbr.Recorder()
    rings = [cbr.CommandBufferRing(backend="simulated", observer=recorder) for _ in range(2)]
    # Both live at one time: another thread may get the number of one that has ended.
    both = threading.Barrier(2)

    def work(ring):
        both.wait()
        for _ in range(50):
            step(ring)
        both.wait()

    threads = [threading.Thread(target=work, args=[ring]) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ring in rings:
        ring.close()
    recording = recorder.recording()
    assert len(recording.submissions) == 100 and recording.thread_count == 2


def test_cycles_through_a_recorder_are_collected():
    class App:
        def __init__(self):
            self.recorder = cbr.Recorder(next=self)
            self.ring = cbr.CommandBufferRing(backend="simulated", observer=self.recorder)

        def on_discard(self, slot):
            pass

    app = App()
    app.ring.acquire().discard()
    gone = [weakref.ref(each) for each in (app, app.ring)]
    del app
    gc.collect()
    assert [each() for each in gone] == [None, None]


def test_a_recorder_of_a_live_ring_is_not_collected(gpu):
    with cbr.CommandBufferRing(backend=gpu, observer=cbr.Recorder(next=Keeper())) as ring:
        gc.collect()
        step(ring)
        gc.collect()
        step(ring)


def test_what_is_no_recorder(gpu):
    with pytest.raises(cbr.InvalidOption, match="capacity is 0"):
        cbr.Recorder(capacity=0)
    with pytest.raises(TypeError, match="capacity is 'x', a whole number is needed"):
        cbr.Recorder(capacity="x")
    with pytest.raises(TypeError, match="next is 3, a Recorder, or an object with on_acquire"):
        cbr.Recorder(next=3)


def test_costs_are_what_the_loop_spent(gpu):
    recorder = cbr.Recorder()
    gpu.advance(1.0)
    with cbr.CommandBufferRing(ring_size=2, backend=gpu, observer=recorder) as ring:
        for _ in range(20):
            gpu.advance(3e-6)
            step(ring)
    costs = cbr.step_costs(recorder.recording())
    assert len(costs) == 20
    last = costs[-1]
    spent = (last.application, last.encode, last.submit, last.launch, last.execute, last.completion)
    assert spent == pytest.approx((3e-6, 10e-6, 2e-6, 0, 50e-6, 5e-6))
    assert last.queue == 0 and last.after is None
    # And so the ring of that size does what it did.
    assert cbr.predict(costs, 2).span == pytest.approx(gpu.now - 1.0, rel=0.02)


def test_predictions():
    steps = [cbr.StepCosts(submit=300e-6, execute=8200e-6, completion=100e-6)] * 100
    serial, double, triple = (cbr.predict(steps, size) for size in (1, 2, 3))
    assert serial.span == pytest.approx(100 * 8600e-6 - 100e-6)
    assert serial.busy_fraction == pytest.approx(8.2 / 8.6, abs=0.001)
    assert double.span == pytest.approx(300e-6 + 100 * 8200e-6) == triple.span
    assert double.steps_per_second == pytest.approx(100 / double.span)
    assert (double.ring_size, double.steps) == (2, 100)
    assert triple.latency > double.latency + 8e-3
    assert repr(double) == ("<cbr.Prediction for 2 slots: 121.9 steps/s, GPU busy 100.0 %, "
                            "latency 0.0163 s>")
    # Any iterable will do.
    assert cbr.predict(iter(steps), 2).span == double.span


def test_what_a_device_does_between_submissions():
    steps = [cbr.StepCosts(launch=30e-6, execute=90e-6)] * 100
    assert cbr.predict(steps, 3).span == pytest.approx(30e-6 + 100 * 90e-6)
    assert cbr.predict(steps, 3, pause=10e-6).span == pytest.approx(30e-6 + 9e-3 + 99 * 10e-6)
    for i in range(1, 100, 2):
        steps[i] = cbr.StepCosts(execute=90e-6, queue=1)
    apart = cbr.predict(steps, 4, queues_overlap=True).span
    assert cbr.predict(steps, 4).span > 1.9 * apart
    with pytest.raises(cbr.InvalidOption, match="pause is -1.*allowed are 0 to 3600"):
        cbr.predict(steps, 3, pause=-1)


def test_traits_are_arguments_for_a_prediction(gpu):
    recorder = cbr.Recorder()
    with cbr.CommandBufferRing(ring_size=3, backend=gpu, observer=recorder) as ring:
        for _ in range(20):
            step(ring)
    traits = cbr.device_traits(recorder.recording())
    assert traits == {"pause": 0.0, "queues_overlap": False}
    assert cbr.predict(cbr.step_costs(recorder.recording()), 3, **traits).steps == 20
    assert cbr.device_traits(cbr.Recorder().recording())["pause"] is None


def test_merged_steps():
    steps = [cbr.StepCosts(encode=5e-6, submit=3e-6, launch=10e-6, execute=40e-6) for _ in range(8)]
    merged = cbr.merge_steps(steps, 4)
    assert len(merged) == 2
    assert (merged[0].encode, merged[0].submit, merged[0].launch, merged[0].execute) == (
        20e-6, 3e-6, 10e-6, 160e-6)
    with pytest.raises(cbr.InvalidOption, match="merges 0 steps"):
        cbr.merge_steps(steps, 0)


def test_costs_can_be_changed():
    costs = cbr.StepCosts(encode=20e-6, queue=1, after=0)
    costs.encode /= 2
    costs.queue, costs.after = 0, None
    assert (costs.encode, costs.queue, costs.after) == (10e-6, 0, None)
    assert repr(cbr.StepCosts(encode=0.5, after=2)) == "StepCosts(encode=0.5, queue=0, after=2)"
    for name in ("application", "encode", "submit", "launch", "execute", "completion", "signal"):
        for wrong in (-1, float("nan"), 3601):
            with pytest.raises(cbr.InvalidOption, match=f"{name} is .*, allowed are 0 to 3600"):
                cbr.StepCosts(**{name: wrong})
            with pytest.raises(cbr.InvalidOption, match=f"{name} is .*, allowed are 0 to 3600"):
                setattr(costs, name, wrong)
        with pytest.raises(TypeError, match=f"{name} is 'x', a number is needed"):
            setattr(costs, name, "x")
        assert getattr(costs, name) == (10e-6 if name == "encode" else 0)


def test_what_is_no_plan():
    steps = [cbr.StepCosts(execute=1e-3)]
    with pytest.raises(cbr.InvalidOption, match="a plan has no steps"):
        cbr.predict([], 1)
    with pytest.raises(cbr.InvalidOption, match="ring_size is 0"):
        cbr.predict(steps, 0)
    with pytest.raises(cbr.InvalidOption, match="step 1 waits for step 1"):
        cbr.predict([*steps, cbr.StepCosts(after=1)], 1)
    with pytest.raises(TypeError, match=r"steps\[1\] is 3, a StepCosts is needed"):
        cbr.predict([*steps, 3], 1)
    with pytest.raises(TypeError, match="recording is 3, a Recording is needed"):
        cbr.step_costs(3)
