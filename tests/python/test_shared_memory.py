"""Buffers on the memory of arrays: what is shared, what is refused and why, and how long it lives.

PyTorch need not be installed: a producer made by hand stands for it, and where it is installed it is
asked too."""

import array as arrays
import ctypes
import gc
import mmap
import os
import shutil
import threading
import weakref

import numpy
import pytest

import cbr
import cbr.compute
from foreign_vulkan import ForeignDevice
from test_buffers import _API, Producer, Versioned
from test_compute import COUNT, GLSL, GROUPS

Buffer = cbr.compute.Buffer

needs_compiler = pytest.mark.skipif(shutil.which("glslangValidator") is None,
                                    reason="glslangValidator is not installed")


@pytest.fixture(autouse=True)
def _device(device):
    if not device.info.external_memory_host:
        pytest.skip(f"{device.name} lacks VK_EXT_external_memory_host")


@pytest.fixture(scope="module")
def kernel(device):
    return cbr.compute.Kernel.from_glsl(GLSL, push="QQIf", name="scale", device=device)


@pytest.fixture
def ring(device):
    with cbr.CommandBufferRing(ring_size=3, backend=device) as made:
        yield made


def address_of(array):
    return array.__array_interface__["data"][0]


def at(offset, count=COUNT, dtype="float32"):
    """An array that begins so many bytes after a page does."""
    size = count * numpy.dtype(dtype).itemsize
    whole = numpy.zeros(size + offset + mmap.PAGESIZE, "uint8")
    begin = -address_of(whole) % mmap.PAGESIZE + offset
    return whole[begin:begin + size].view(dtype)


def assert_same_memory(buffer, array):
    for view in (buffer.array(), numpy.from_dlpack(buffer), numpy.asarray(buffer)):
        assert address_of(view) == address_of(array)
        assert numpy.shares_memory(view, array)


@needs_compiler
@pytest.mark.parametrize("offset", [0, 16, 48, 4080, 2048])
def test_the_gpu_works_on_an_array_itself(ring, kernel, offset):
    source, target = at(offset), at((offset + 32) % mmap.PAGESIZE)
    source[:] = numpy.arange(COUNT)
    before, after = Buffer.of(source, copy=False), Buffer.of(target, copy=False)
    assert_same_memory(before, source)
    assert (after.dtype, after.shape, after.size) == ("float32", (COUNT,), 4 * COUNT)
    assert after.address % 16 == 0 and after.placement == "host-visible"
    for step in range(3):
        source += step  # between the submissions
        with ring.acquire() as lease:
            lease.dispatch(kernel, GROUPS, before, after, COUNT, 2.0)
        lease.ticket.wait()
        numpy.testing.assert_array_equal(target, source * 2 + 1)


@needs_compiler
def test_what_lies_beside_an_array_is_left_alone(ring, kernel):
    whole = numpy.full(4096, 7, "float32")
    buffer = Buffer.of(whole[1024:1024 + COUNT], copy=False)
    whole[1024:1024 + COUNT] = 1
    with ring.acquire() as lease:
        lease.dispatch(kernel, GROUPS, buffer, buffer, COUNT, 1.0)
    lease.ticket.wait()
    assert (whole[1024:1024 + COUNT] == 2).all()
    assert (whole[:1024] == 7).all() and (whole[1024 + COUNT:] == 7).all()


def test_copies_of_the_gpu_find_the_array(ring):
    whole = numpy.arange(64, dtype="uint8")
    source, target = Buffer.of(whole[16:48], copy=False), Buffer.of(at(32, 64, "uint8"), copy=False)
    with ring.acquire() as lease:
        lease.copy(source, target, 8, source_offset=4, target_offset=20)
    lease.ticket.wait()
    assert target.read(16, 16) == bytes(4) + bytes(range(20, 28)) + bytes(4)
    assert target.read(0, 16) == bytes(16)


def test_read_and_write_are_the_arrays(device):
    array = numpy.zeros((2, 4), "int16")
    buffer = Buffer.of(array, device=device, copy=False)
    buffer.write(numpy.arange(8, dtype="int16"))
    assert array.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    array[1, 3] = 9
    assert buffer.read(14) == b"\t\0"
    buffer.write(array.reshape(-1)[:6], offset=4)  # which overlap
    assert array.tolist() == [[0, 1, 0, 1], [2, 3, 4, 5]]
    assert buffer.shape == (2, 4) and buffer.dtype == "int16"


@pytest.mark.parametrize("made", [
    lambda: bytearray(64), lambda: arrays.array("f", range(16)),
    lambda: mmap.mmap(-1, mmap.PAGESIZE), lambda: memoryview(bytearray(64))[16:48],
    lambda: numpy.zeros(4, dtype=[("x", "f4"), ("y", "u4")]), lambda: numpy.zeros((), "float64"),
    lambda: numpy.zeros(3, "complex64"), lambda: numpy.zeros(5, "bool")],
    ids=["bytearray", "array", "mmap", "memoryview", "structure", "scalar", "complex", "bool"])
def test_anything_with_a_buffer_shares_it(made, device):
    data = made()
    buffer = Buffer.of(data, device=device, copy=False)
    buffer.array("uint8")[2] = 77
    assert memoryview(data).cast("B").tobytes()[2] == 77 if not isinstance(
        data, numpy.ndarray) else data.tobytes()[2] == 77


def test_what_lends_its_memory_can_not_move_it(device):
    data = bytearray(64)
    buffer = Buffer.of(data, device=device, copy=False)
    with pytest.raises(BufferError):
        data.append(1)
    del buffer
    data.append(1)


def read_only():
    array = numpy.zeros(16, "float32")
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(("made", "words"), [
    (read_only, "the array is read-only"),
    (lambda: bytes(64), "the array is read-only"),
    (lambda: numpy.zeros(32, "float32")[::2],
     r"not contiguous in C's order: its shape is \(16,\), its strides \(8,\) bytes"),
    (lambda: numpy.zeros((4, 8), "int16").T, r"its shape is \(8, 4\), its strides \(2, 16\) bytes"),
    (lambda: numpy.zeros(16, "float32")[::-1], r"strides \(-4,\)"),
    (lambda: at(16)[1:], "begins 4 bytes past a multiple of 16"),
    (lambda: at(3, 64, "uint8"), "begins 3 bytes past a multiple of 16")],
    ids=["read-only", "bytes", "gaps", "transposed", "backwards", "slice", "unaligned"])
def test_what_can_not_be_shared(made, words, device):
    array = made()
    with pytest.raises(BufferError, match=words) as caught:
        Buffer.of(array, device=device, copy=False)
    assert "copy=None or True" in str(caught.value)
    # Where it must, None copies.
    buffer = Buffer.of(array, device=device, copy=None)
    assert buffer.read() == numpy.asarray(array).tobytes()
    if isinstance(array, numpy.ndarray):
        assert not numpy.shares_memory(buffer.array(), array)


def test_copy_says_whether_there_is_one(device):
    array = at(16)
    for copy, shared in ((True, False), (None, True), (False, True)):
        assert numpy.shares_memory(Buffer.of(array, device=device, copy=copy).array(), array) == shared
    assert not numpy.shares_memory(Buffer.of(array, device=device).array(), array)
    for wrong in (1, "no", numpy.False_):
        with pytest.raises(TypeError, match="copy is .*, True or False or None is needed"):
            Buffer.of(array, device=device, copy=wrong)


def test_device_local_memory_is_a_copy(device):
    array = at(0)
    with pytest.raises(BufferError, match='placement is "device-local"'):
        Buffer.of(array, "device-local", device, copy=False)
    assert Buffer.of(array, "device-local", device, copy=None).read() == array.tobytes()
    with pytest.raises(cbr.InvalidOption, match="nowhere"):
        Buffer.of(array, "nowhere", device, copy=None)


@pytest.mark.parametrize("copy", [None, False])
def test_what_is_refused_with_a_copy_is_without(copy, device):
    for wrong, error, words in ((numpy.zeros(4, ">f4"), TypeError, "another byte order"),
                                (numpy.array([1, "a"], object), TypeError, "Python objects"),
                                (numpy.empty(0), cbr.InvalidOption, "0 bytes"),
                                ([1, 2], TypeError, "list")):
        with pytest.raises(error, match=words):
            Buffer.of(wrong, device=device, copy=copy)


def test_a_device_without_the_extension_says_so():
    foreign = ForeignDevice()
    device = cbr.Device.wrap(**foreign.handles())
    assert not device.info.external_memory_host
    with pytest.raises(BufferError, match="lacks VK_EXT_external_memory_host, or was wrapped"):
        Buffer.of(at(0), device=device, copy=False)
    assert Buffer.of(numpy.arange(3, dtype="uint8"), device=device, copy=None).read() == b"\0\1\2"
    with pytest.raises(cbr.BackendError, match="vkGetMemoryHostPointerPropertiesEXT"):
        cbr.Device.wrap(**foreign.handles(), external_memory_host=True)
    del device
    gc.collect()
    foreign.close()


class Owned(numpy.ndarray):
    """What a weak reference tells the end of."""


def owned():
    made = at(16).view(Owned)
    return made, weakref.ref(made)


def test_a_buffer_keeps_the_array(device):
    array, alive = owned()
    array[:] = 3
    buffer = Buffer.of(array, device=device, copy=False)
    del array
    gc.collect()
    assert alive() is not None
    view = numpy.from_dlpack(buffer)
    del buffer
    gc.collect()
    assert alive() is not None and (view == 3).all()
    del view
    gc.collect()
    assert alive() is None


def test_a_refusal_keeps_nothing(device):
    array, alive = owned()
    for copy in (True, None):
        kept = Buffer.of(array[1:], device=device, copy=copy)
    with pytest.raises(BufferError):
        Buffer.of(array[1:], device=device, copy=False)
    del array
    gc.collect()
    assert alive() is None
    del kept


@needs_compiler
def test_work_in_flight_keeps_the_array(kernel, device):
    injector = cbr.FaultInjector(device)
    array, alive = owned()
    target = Buffer(4 * COUNT, device=device)
    array[:] = 2
    with cbr.CommandBufferRing(ring_size=2, backend=injector) as ring:
        injector.hang_next()
        with ring.acquire() as lease:
            lease.dispatch(kernel, GROUPS, Buffer.of(array, device=device, copy=False), target,
                           COUNT, 4.0)
        ticket = lease.ticket
        del array, lease
        gc.collect()
        assert not ticket.done and alive() is not None
        injector.release()
        ticket.wait()
    # The ring has closed: its thread let go of what was kept.
    assert alive() is None
    assert (target.array("float32") == 9).all()


def test_another_thread_may_let_go(device):
    array, alive = owned()
    view = [numpy.from_dlpack(Buffer.of(array, device=device, copy=False))]
    del array
    thread = threading.Thread(target=view.clear)
    thread.start()
    thread.join()
    gc.collect()
    assert alive() is None


def test_dlpack_goes_in_without_a_copy(device):
    array = at(64).reshape(10, 100)
    producer = Producer(array)
    buffer = Buffer.of(producer, device=device, copy=False)
    assert_same_memory(buffer, array)
    assert buffer.shape == (10, 100) and producer.deleted == 0
    del buffer
    gc.collect()
    assert producer.deleted == 1
    transposed = Producer(array.T)
    with pytest.raises(BufferError, match="not contiguous"):
        Buffer.of(transposed, device=device, copy=False)
    gc.collect()
    assert transposed.deleted == 1
    producer = Producer(at(0, 8, "uint16"), code=4)
    assert Buffer.of(producer, device=device, copy=False).dtype == "bfloat16"


def test_dlpack_is_asked_for_no_copy(device):
    asked = []

    class Recent(Producer):
        def __dlpack__(self, **given):
            asked.append(given)
            return super().__dlpack__()

    array = at(0)
    kept = [Recent(array) for _ in range(3)]
    for producer, copy in zip(kept, (True, None, False)):
        Buffer.of(producer, device=device, copy=copy)
    assert [each.get("copy") for each in asked] == [None, None, False]


class VersionedProducer(Producer):
    """Gives a tensor of DLPack 1.0, with flags."""

    def __init__(self, array, flags):
        super().__init__(array)
        self._managed = Versioned(1, 0, None, self._deleter, flags, self.managed.tensor)

    def __dlpack__(self, max_version=None, copy=None):
        return _API.PyCapsule_New(ctypes.addressof(self._managed), b"dltensor_versioned", None)


@pytest.mark.parametrize(("flags", "words"), [
    (1, "the array is read-only"), (2, r"__dlpack__\(copy=False\) gave a copy")])
def test_what_a_tensor_says_of_itself(flags, words, device):
    array = at(0)
    producer = VersionedProducer(array, flags)
    with pytest.raises(BufferError, match=words):
        Buffer.of(producer, device=device, copy=False)
    gc.collect()
    assert producer.deleted == 1
    # A copy that the library made is as good as one of ours.
    buffer = Buffer.of(producer, device=device, copy=None)
    assert (buffer.array().ctypes.data == array.ctypes.data) == (flags == 2)


def test_with_the_validation_layer(run_python):
    run = run_python("""
import cbr, cbr.compute, gc, numpy
try:
    device = cbr.Device(validation=True)
except cbr.BackendError as error:
    raise SystemExit(f"skip: {error}")
source, target = (numpy.zeros(5000, "uint8")[16:4500] for _ in range(2))
source[:] = 5
shared = [cbr.compute.Buffer.of(each, device=device, copy=False) for each in (source, target)]
with cbr.CommandBufferRing(ring_size=2, backend=device) as ring:
    with ring.acquire() as lease:
        lease.copy(*shared)
    lease.ticket.wait()
assert (target == 5).all()
del shared, lease, ring
gc.collect()
""")
    if run.stderr.startswith("skip: ") and "layer" in run.stderr:
        pytest.skip(run.stderr.strip())
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_the_end_of_the_program_with_work_and_arrays_about(run_python):
    run = run_python("""
import cbr, cbr.compute, numpy
ring = cbr.CommandBufferRing(ring_size=2)
shared = cbr.compute.Buffer.of(numpy.zeros(4096, "uint8"), copy=False)
with ring.acquire() as lease:
    lease.copy(shared, cbr.compute.Buffer.of(numpy.zeros(4096, "uint8"), copy=False))
""")
    assert (run.returncode, run.stderr) == (0, "")


def test_a_forked_child_leaves_the_driver_alone(device):
    buffer = Buffer.of(at(0), device=device, copy=False)
    child = os.fork()
    if child == 0:
        del buffer
        gc.collect()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert buffer.read(0, 4) == bytes(4)


def test_with_torch(device):
    torch = pytest.importorskip("torch")
    tensor = torch.zeros((64, 64), dtype=torch.float32)  # which begins at a multiple of 64 bytes
    buffer = Buffer.of(tensor, device=device, copy=False)
    assert (buffer.dtype, buffer.shape) == ("float32", (64, 64))
    assert address_of(buffer.array()) == tensor.data_ptr()
    buffer.array()[1, 2] = 5
    assert tensor[1, 2] == 5 and torch.from_dlpack(buffer).data_ptr() == tensor.data_ptr()
    with pytest.raises(BufferError, match="not contiguous"):
        Buffer.of(tensor.T, device=device, copy=False)
