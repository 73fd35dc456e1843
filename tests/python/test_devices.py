"""What the devices are, and a device that another library opened."""

import gc
import json
import threading
import weakref

import numpy
import pytest

import cbr
import cbr.compute
from foreign_vulkan import ForeignDevice


@pytest.fixture(scope="module")
def info(device):
    return cbr.list_devices()[device.info.index]


def test_a_device_says_what_it_is(info, device):
    assert (info.name, info.index) == (device.name, device.info.index)
    assert info.usable and info.why_unusable == "" and info.timeline_semaphores
    assert info.type in {"discrete GPU", "integrated GPU", "virtual GPU", "CPU", "other"}
    assert repr(info) == f'<cbr.DeviceInfo {info.index}: "{info.name}", {info.type}>'
    family = info.compute_families[0]
    assert family.queue_count >= 1 and repr(family).startswith("<cbr.ComputeFamily ")


def test_it_is_a_mapping_too(info):
    assert info["name"] == info.name and "driver" in info and "nothing" not in info
    assert dict(info) == info.to_dict() and list(info) == list(info.keys())
    assert len(info) == len(list(info.values())) == len(list(info.items()))
    assert info.get("nothing") is None and info.get("nothing", 3) == 3
    assert {**info}["index"] == info.index
    with pytest.raises(KeyError, match="nothing"):
        info["nothing"]
    names = {name for name in dir(info) if not name.startswith("_")}
    assert set(info) <= names
    json.dumps({**info, "compute_families": None})


def test_it_opens_the_device(info):
    assert cbr.Device(info).info.index == info.index


def test_handles_are_addresses(device):
    assert device.instance and device.physical_device and device.handle and device.queue()
    assert device.queue_family(0) in {each.family for each in device.info.compute_families}
    with pytest.raises(cbr.InvalidOption, match="queue is 1, the device was opened with 1"):
        device.queue(1)


@pytest.fixture
def foreign(device):
    made = ForeignDevice()
    yield made
    gc.collect()
    made.close()


def test_a_device_of_another_library(foreign):
    wrapped = cbr.Device.wrap(**foreign.handles())
    assert (wrapped.instance, wrapped.physical_device, wrapped.handle, wrapped.queue()) == (
        foreign.instance, foreign.physical_device, foreign.device, foreign.queue)
    source = cbr.compute.Buffer.of(numpy.arange(4, dtype="uint8"), device=wrapped)
    target = cbr.compute.Buffer(4, device=wrapped)
    with cbr.CommandBufferRing(ring_size=2, backend=wrapped) as ring:
        with ring.acquire() as lease:
            lease.copy(source, target)
        lease.ticket.wait()
    assert bytes(target) == bytes(range(4))
    del ring, lease, source, target, wrapped


def test_the_lock_is_held_for_each_submission(foreign):
    lock = threading.Lock()
    calls = []

    def unlock():
        calls.append(lock.locked())
        lock.release()

    wrapped = cbr.Device.wrap(**foreign.handles(), lock_queue=lock.acquire, unlock_queue=unlock)
    with cbr.CommandBufferRing(backend=wrapped) as ring:
        for _ in range(3):
            ring.acquire().submit().wait()
    assert len(calls) >= 3 and all(calls) and not lock.locked()
    del ring, wrapped


def test_what_is_kept_lives_as_long_as_the_device(foreign):
    class Owner:
        pass

    owner = Owner()
    gone = weakref.ref(owner)
    wrapped = cbr.Device.wrap(**foreign.handles(), keep_alive=owner)
    del owner
    ring = cbr.CommandBufferRing(backend=wrapped)
    del wrapped
    gc.collect()
    assert gone() is not None
    ring.close()
    del ring
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize(("changes", "error", "words"), [
    ({"device": 0}, cbr.InvalidUsage, "device"),
    ({"queue": 0}, cbr.InvalidUsage, "queue"),
    ({"queue": None}, TypeError, "queue is None, a whole number is needed"),
    ({"lock_queue": lambda: None}, cbr.InvalidUsage, "lock"),
    ({"lock_queue": 3, "unlock_queue": 3}, TypeError, "lock_queue is 3, a function or None"),
    ({"more_queues": [3]}, TypeError, r"more_queues\[0\] is 3, \(queue, queue_family\)"),
    ({"more_queues": [(1, 2.5)]}, TypeError, r"more_queues\[0\]\[1\] is 2.5, a whole number"),
    ({"queue_priority": 2.0}, cbr.InvalidOption, "priority")])
def test_wrong_handles(foreign, changes, error, words):
    with pytest.raises(error, match=words):
        cbr.Device.wrap(**{**foreign.handles(), **changes})


def test_a_queue_twice(foreign):
    with pytest.raises(cbr.InvalidUsage, match="the same VkQueue as queue 0"):
        cbr.Device.wrap(**foreign.handles(), more_queues=[(foreign.queue, 0, 0.5)])
