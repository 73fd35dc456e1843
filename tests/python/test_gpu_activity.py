"""How busy the GPU was, why it was idle, and what that means."""

import copy
import json
import pickle
import re
import threading

import pytest

import cbr
from conftest import SOURCE

CAUSES = ["application", "slot_wait", "wake_up", "encode", "submit", "dependency", "device", "unknown"]


def run(ring_size=1, steps=100, application=0.0, **options):
    """A loop on the simulated GPU: 20 us to encode, 2 to submit, 200 on the GPU, 10 until noticed."""
    gpu = cbr.simulated.Gpu()
    ring = cbr.CommandBufferRing(ring_size=ring_size, backend=gpu, hang_warning_ms=0, **options)
    for _ in range(steps):
        gpu.advance(application)
        with ring.acquire() as lease:
            cbr.simulated.record(lease, encode=20e-6, submit=2e-6, execute=200e-6, completion=10e-6)
    ring.drain()
    return ring


def test_each_figure_is_that_of_the_loop():
    with run(ring_size=1, application=5e-6) as ring:
        gpu = ring.statistics().gpu
    assert gpu.submissions == 100 and gpu.gaps == 99
    assert gpu.busy_seconds == pytest.approx(100 * 200e-6)
    # The thread is in the application while the GPU works: it waits for the slot later.
    assert gpu.idle_seconds == pytest.approx(99 * 32e-6)
    assert gpu.busy_fraction == pytest.approx(20000 / (20000 + 99 * 32))
    assert list(gpu.idle_by_cause) == CAUSES
    expected = {"wake_up": 99 * 10e-6, "encode": 99 * 20e-6, "submit": 99 * 2e-6}
    assert gpu.idle_by_cause == pytest.approx({cause: expected.get(cause, 0) for cause in CAUSES})
    assert gpu.idle_after_wait == gpu.idle_by_cause and list(gpu.idle_after_wait) == CAUSES
    assert gpu.encode_seconds == pytest.approx(100 * 20e-6)
    assert gpu.submit_seconds == pytest.approx(100 * 2e-6)
    assert gpu.peak_in_use == 1
    assert len(gpu.gap_histogram) == 24
    assert gpu.gap_histogram[0][0] == 0 and gpu.gap_histogram[6] == (32e-6, 99)
    assert sum(count for _, count in gpu.gap_histogram) == 99


def test_what_the_program_does_otherwise_is_its_own():
    with run(ring_size=3, application=500e-6) as ring:
        gpu = ring.statistics().gpu
    assert gpu.idle_by_cause["application"] == pytest.approx(99 * (500 - 200) * 1e-6)
    assert sum(gpu.idle_after_wait.values()) == 0


def test_slot_wait_is_time_with_no_free_slot_and_wake_up_is_lateness():
    gpu = cbr.simulated.Gpu()
    with cbr.CommandBufferRing(ring_size=1, backend=gpu, hang_warning_ms=0) as ring:

        def step():
            with ring.acquire() as lease:
                cbr.simulated.record(lease, execute=200e-6, completion=10e-6)

        step()
        held = ring.acquire()    # The GPU has been idle for 10 us by now.
        other = threading.Thread(target=step)
        other.start()
        while ring.statistics().wait_events < 2:
            pass
        gpu.advance(70e-6)
        held.discard()           # Now the slot is free.
        other.join()
        ring.drain()
        idle = ring.statistics().gpu.idle_by_cause
    assert {cause: time for cause, time in idle.items() if time} == pytest.approx(
        {"application": 10e-6, "slot_wait": 70e-6})


def test_who_waits_for_its_own_tickets_is_the_application():
    gpu = cbr.simulated.Gpu()
    with cbr.CommandBufferRing(ring_size=3, backend=gpu) as ring:
        for _ in range(50):
            with ring.acquire() as lease:
                cbr.simulated.record(lease, encode=20e-6, execute=200e-6, completion=10e-6)
            lease.ticket.wait()
        activity = ring.statistics().gpu
        assert not ring.diagnose().has("ring_too_small")
    # It saw the end 10 us late, before it asked for the next slot.
    assert {cause: time for cause, time in activity.idle_by_cause.items() if time} == pytest.approx(
        {"application": 49 * 10e-6, "encode": 49 * 20e-6})
    assert sum(activity.idle_after_wait.values()) == 0


def test_without_times_there_is_nothing():
    for gpu_times in ("end", "none"):
        with run(gpu_times=gpu_times) as ring:
            statistics = ring.statistics()
            assert statistics.gpu is None and statistics.to_dict()["gpu"] is None
            assert repr(statistics).endswith(", gpu=None)")
            assert ring.diagnose().has("no_times")


def test_as_a_dictionary():
    with run() as ring:
        statistics = ring.statistics()
    values = statistics.to_dict()
    assert json.loads(json.dumps(values)) == values
    gpu = values["gpu"]
    assert gpu == statistics.gpu.to_dict()
    names = [name for name in dir(cbr.GpuActivity) if not name.startswith("_") and name != "to_dict"]
    assert sorted(gpu) == names
    for name, value in gpu.items():
        expected = getattr(statistics.gpu, name)
        assert value == ([list(each) for each in expected] if name == "gap_histogram" else expected)


def test_a_copy_is_the_same_to_the_nanosecond():
    with run() as ring:
        statistics = ring.statistics()
        other = run(steps=99).statistics()
    for make in (copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))):
        assert make(statistics.gpu) == statistics.gpu
        assert make(statistics).gpu == statistics.gpu
        assert make(statistics).to_dict() == statistics.to_dict()
    assert statistics.gpu != other.gpu and statistics.gpu != 1
    with cbr.CommandBufferRing(backend="simulated") as fresh:
        assert pickle.loads(pickle.dumps(fresh.statistics())).gpu is None


def test_each_queue_has_its_own():
    gpu = cbr.simulated.Gpu(2)
    with cbr.CommandBufferRing(ring_size=6, backend=gpu, hang_warning_ms=0) as ring:
        for i in range(200):
            for queue in (0, 1) if i % 5 == 0 else (0,):
                with ring.acquire(queue=queue) as lease:
                    cbr.simulated.record(lease, encode=20e-6, execute=200e-6 if queue == 0 else 30e-6)
        ring.drain()
        statistics, diagnosis = ring.statistics(), ring.diagnose()
    assert [each.submissions for each in statistics.gpu_by_queue] == [200, 40]
    assert statistics.to_dict()["gpu_by_queue"][1] == statistics.gpu_by_queue[1].to_dict()
    assert copy.copy(statistics).gpu_by_queue == statistics.gpu_by_queue
    assert [each.kind for each in diagnosis.findings] == ["gpu_bound"]
    with run() as single:
        assert single.statistics().gpu_by_queue == []


def test_leases_that_are_held():
    gpu = cbr.simulated.Gpu()
    gpu.advance(1e-3)
    with cbr.CommandBufferRing(ring_size=1, backend=gpu, hang_warning_ms=0) as ring:
        lease = ring.acquire()
        gpu.advance(2.0)
        statistics = ring.statistics()
        assert statistics.oldest_lease_ms == 2000.0 and statistics.oldest_lease_slot == 0
        assert statistics.hanging == 0
        assert ring.diagnose().findings[0].kind == "leases_held"
        lease.discard()


def test_how_it_is_shown():
    with run() as ring:
        statistics = ring.statistics()
    assert repr(statistics.gpu) == ("<cbr.GpuActivity of 100 submissions: busy 86.3 %; "
                                    "wake_up: 4.3 %, encode: 8.5 %, submit: 0.9 %>")
    assert repr(statistics).endswith(f", gpu={statistics.gpu!r})")
    html = statistics._repr_html_()
    assert "<td>busy 86.3 %</td>" in html and html.endswith(statistics.gpu._repr_html_())
    assert "idle: encode" in html and "idle: device" not in html


def test_causes_are_those_of_the_header():
    header = (SOURCE / "include/cbr/gpu_activity.h").read_text(encoding="utf-8")
    enum = re.search(r"enum class GapCause .*?\{(.*?)\n\};", header, re.DOTALL).group(1)
    assert re.findall(r"^  (\w+),$", enum, re.MULTILINE) == CAUSES


def test_a_diagnosis():
    with run(ring_size=1) as ring:
        diagnosis = ring.diagnose()
        assert [each.kind for each in diagnosis.findings] == ["ring_too_small"]
        finding = diagnosis.findings[0]
        assert "1.16 times as fast" in finding.text and "Set ring_size to 2" in finding.action
        assert finding.idle_share == pytest.approx(32 / 232, abs=0.002)
        assert diagnosis.has("ring_too_small") and not diagnosis.has("gpu_bound")
        assert finding.text in str(diagnosis) and finding.action in str(diagnosis)
        assert str(diagnosis) == diagnosis.text()
        assert str(diagnosis) == str(cbr.diagnose(ring.statistics()))
        assert repr(diagnosis) == "<cbr.Diagnosis: ring_too_small>"
        assert repr(finding) == f"<cbr.Finding ring_too_small: {finding.text}>"
        html = diagnosis._repr_html_()
        assert "<td style=\"text-align:left\">ring_too_small</td><td>13.7 %</td>" in html


def test_a_busy_gpu_is_no_symptom():
    with run(ring_size=3) as ring:
        assert ring.statistics().reuse_rate < 0.05
        diagnosis = ring.diagnose()
    assert [each.kind for each in diagnosis.findings] == ["gpu_bound"]
    assert diagnosis.findings[0].idle_share is None


def test_what_leaked_is_found(ring):
    ring.acquire()
    assert ring.leaked() and ring.diagnose().findings[0].kind == "leak"
    assert cbr.diagnose(ring.statistics(), leaked=1).has("leak")
    assert not cbr.diagnose(ring.statistics()).has("leak")


def test_kinds_are_those_of_the_header():
    header = (SOURCE / "include/cbr/diagnosis.h").read_text(encoding="utf-8")
    enum = re.search(r"enum class FindingKind .*?\{(.*?)\n\};", header, re.DOTALL).group(1)
    kinds = re.findall(r"^  (\w+),$", enum, re.MULTILINE)
    assert re.findall(r'"(\w+)"', cbr.Finding.kind.__doc__) == kinds
    diagnosis = cbr.diagnose(cbr.CommandBufferRing(backend="simulated").statistics())
    assert [kind for kind in kinds if diagnosis.has(kind)] == ["too_little"]
    with pytest.raises(cbr.InvalidOption, match='kind is "idle", allowed are "nothing_to_gain", '):
        diagnosis.has("idle")


def test_what_is_no_statistics(ring):
    with pytest.raises(TypeError, match="statistics is 3, a RingStatistics is needed"):
        cbr.diagnose(3)
    with pytest.raises(TypeError, match="leaked is 'x'"):
        cbr.diagnose(ring.statistics(), "x")
    ring.close()
    with pytest.raises(cbr.InvalidUsage, match="closed"):
        ring.diagnose()
