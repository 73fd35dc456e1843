"""Rings from configuration files."""

import pathlib

import pytest

import cbr
import cbr.decode
from conftest import SOURCE


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    """The tester's own variables stay out."""
    import os
    for name in [each for each in os.environ if each.startswith("CBR_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path):
    """Writes a file of a ring's options."""

    def write(*lines, outer=("backend: simulated",)):
        path = tmp_path / "ring.yaml"
        text = ["gpu_optimizations:", *("  " + line for line in outer), "  command_buffer_ring:",
                *("    " + line for line in lines)]
        path.write_text("\n".join(text) + "\n", encoding="utf-8")
        return path

    return write


def sizes(*arguments, **keywords):
    with cbr.CommandBufferRing(*arguments, **keywords) as ring:
        return ring.ring_size, ring.name


def test_variables_go_over_the_file_and_keywords_over_both(file, monkeypatch):
    path = file("ring_size: 5", "name: filed")
    assert sizes(config=path) == sizes(config=str(path)) == (5, "filed")
    monkeypatch.setenv("CBR_RING_SIZE", "4")
    assert sizes(config=path) == (4, "filed")
    assert sizes(2, config=path, name="called") == (2, "called")
    assert sizes(config={"ring_size": 5}, backend="simulated")[0] == 5  # variables are for files


def test_every_kind_of_keyword_goes_over_the_file(file):
    path = file("ring_size: 2", "allocation_strategy: least-busy", "wait_strategy: spin",
                "track_statistics: false", "log_wait_events: false")
    lines = []
    with cbr.CommandBufferRing(config=path, ring_size=4, reserved_slots=[1, 0, 0],
                               allocation_strategy=cbr.AllocationStrategy.priority,
                               wait_strategy="hybrid", spin_limit=25e-6, track_statistics=True,
                               log_wait_events=True, log_sink=lines.append) as ring:
        assert (ring.ring_size, ring.spin_limit) == (4, pytest.approx(25e-6))
        leases = [ring.acquire(priority="low") for _ in range(3)]
        with pytest.raises(cbr.AcquireTimeout):  # the fourth slot is reserved
            ring.acquire(timeout=0.001, priority="low")
        leases.append(ring.acquire(priority="high"))
        for lease in leases:
            lease.submit().wait()
        assert ring.statistics().submissions == 4
    assert any("Waiting for slot" in line for line in lines)


def test_limits_and_times_of_a_file(file):
    path = file("ring_size: 1", "timeout_ms: 7", "gpu_times: end", "wait_strategy: block")
    with cbr.CommandBufferRing(config=path) as ring:
        lease = ring.acquire()
        with pytest.raises(cbr.AcquireTimeout, match="limit 7"):
            ring.acquire()
        ticket = lease.submit()
        ticket.wait()
        assert (ticket.gpu_interval, ticket.gpu_end) == (None, 0)
    with cbr.CommandBufferRing(config=path, gpu_times=cbr.GpuTimes.both, timeout_ms=9) as ring:
        lease = ring.acquire()
        with pytest.raises(cbr.AcquireTimeout, match="limit 9"):
            ring.acquire()
        ticket = lease.submit()
        ticket.wait()
        assert ticket.gpu_interval is not None


def test_the_file_chooses_the_queues_and_a_call_the_backend(file):
    path = file("ring_size: auto", outer=("backend: simulated", "queues: 2"))
    with cbr.CommandBufferRing(config=path) as ring:
        assert (ring.queue_count, ring.ring_size, ring.device) == (2, 4, None)
    with cbr.CommandBufferRing(config=path, backend=cbr.simulated.Gpu(3)) as ring:
        assert (ring.queue_count, ring.ring_size) == (3, 6)


def test_switched_off_is_a_ring_of_one_whatever_the_call_says(file):
    assert sizes(config=file("enabled: false", "ring_size: 3"), ring_size=4)[0] == 1


def test_another_backend_stands_in_with_a_warning(file, device):
    with pytest.warns(UserWarning, match="metal.*using backend vulkan instead") as caught:
        ring = cbr.CommandBufferRing(config=file("ring_size: 2", outer=("backend: metal",)))
    assert pathlib.Path(caught[0].filename) == pathlib.Path(__file__)
    assert ring.device is device
    ring.close()
    with pytest.raises(cbr.BackendError, match="metal"):
        cbr.CommandBufferRing(
            config=file("ring_size: 2", outer=("backend: metal", "graceful_fallback: false")))


def test_what_a_file_has_and_the_library_has_not_is_a_warning(file):
    path = file("ring_size: 2", outer=("backend: simulated", "memory_pool: {}"))
    with pytest.warns(UserWarning, match="ring.yaml:3.*memory_pool"):
        cbr.CommandBufferRing(config=path).close()


@pytest.mark.parametrize(("line", "place", "words"), [
    ("ring_size: 0", ":4:16: ", ["ring_size", '"0"', "1 to 1024"]),
    ("rign_size: 2", ":4:5: ", ["rign_size", "did you mean ring_size"]),
    ("ring_size: [", ":5:", []),
])
def test_mistakes_have_a_place(file, line, place, words):
    path = file(line)
    with pytest.raises(cbr.InputError) as caught:
        cbr.CommandBufferRing(config=path)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).startswith(f"{path}{place}")
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_mistakes_outside_the_file(file, monkeypatch, tmp_path):
    path = file("ring_size: 2")
    with pytest.raises(cbr.InvalidOption, match="rign_size"):
        cbr.decode.Decoder(tmp_path, config=path, rign_size=3)
    with pytest.raises(TypeError, match="ring_size"):
        cbr.CommandBufferRing(config=path, ring_size=2.5)
    with pytest.raises(cbr.InputError, match="missing.yaml"):
        cbr.CommandBufferRing(config=tmp_path / "missing.yaml")
    monkeypatch.setenv("CBR_TIMEOUT_MS", "5s")
    with pytest.raises(cbr.InputError, match='CBR_TIMEOUT_MS: found "5s"'):
        cbr.CommandBufferRing(config=path)


def test_a_decoder_has_the_files_ring(file, device):
    path = file("ring_size: 2", outer=("backend: vulkan",))
    decoder = cbr.decode.Decoder(SOURCE / "models" / "tiny-qwen2-kjv-4bit", config=path,
                          context_capacity=64)
    assert decoder.statistics().ring_size == 2
    assert decoder.device is device
