"""Buffers as arrays: of NumPy, of DLPack, of Python's own buffer protocol; without copies.

PyTorch need not be installed: a consumer and a producer made by hand stand for it, and where it is
installed it is asked too."""

import ctypes
import gc

import numpy
import pytest

import cbr
import cbr.compute

Buffer = cbr.compute.Buffer
PLAIN = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16",
         "float32", "float64", "complex64", "complex128", "bool"]


@pytest.fixture(autouse=True)
def _device(device):
    """All of this needs one."""


class Tensor(ctypes.Structure):
    """DLTensor."""
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32),
                ("device_id", ctypes.c_int32), ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8),
                ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16),
                ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Managed(ctypes.Structure):
    """DLManagedTensor."""
    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", DELETER)]


class Versioned(ctypes.Structure):
    """DLManagedTensorVersioned."""
    _fields_ = [("major", ctypes.c_uint32), ("minor", ctypes.c_uint32),
                ("context", ctypes.c_void_p), ("deleter", DELETER), ("flags", ctypes.c_uint64),
                ("tensor", Tensor)]


_API = ctypes.pythonapi
_API.PyCapsule_GetPointer.restype = ctypes.c_void_p
_API.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
_API.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]
_API.PyCapsule_New.restype = ctypes.py_object
_API.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_API.PyCapsule_GetName.restype = ctypes.c_char_p
_API.PyCapsule_GetName.argtypes = [ctypes.py_object]
USED = {b"dltensor": b"used_dltensor", b"dltensor_versioned": b"used_dltensor_versioned"}


def take(capsule):
    """Takes a tensor over, as PyTorch does; its deleter is the caller's to call."""
    name = _API.PyCapsule_GetName(capsule)
    kind = Managed if name == b"dltensor" else Versioned
    managed = kind.from_address(_API.PyCapsule_GetPointer(capsule, name))
    assert _API.PyCapsule_SetName(capsule, USED[name]) == 0
    return managed


class Producer:
    """Has `__dlpack__` and no buffer protocol, like a tensor of PyTorch's."""

    def __init__(self, array, code=None, bits=None, device=1, strides="own"):
        self.array = array
        self.device = device
        self.deleted = 0
        self._shape = (ctypes.c_int64 * array.ndim)(*array.shape)
        self._strides = (ctypes.c_int64 * array.ndim)(*(s // array.itemsize for s in array.strides))
        kinds = {"i": 0, "u": 1, "f": 2, "c": 5, "b": 6}
        self._deleter = DELETER(self._delete)
        self.managed = Managed(
            Tensor(array.ctypes.data, device, 0, array.ndim,
                   kinds[array.dtype.kind] if code is None else code,
                   bits or 8 * array.itemsize, 1, self._shape,
                   self._strides if strides == "own" else None, 0), None, self._deleter)

    def _delete(self, _):
        self.deleted += 1

    def __dlpack__(self, stream=None):
        return _API.PyCapsule_New(ctypes.addressof(self.managed), b"dltensor", None)

    def __dlpack_device__(self):
        return (self.device, 0)


@pytest.mark.parametrize("dtype", PLAIN)
def test_dtype_and_shape_are_kept(dtype):
    array = numpy.arange(6).reshape(2, 3).astype(dtype)
    buffer = Buffer.of(array)
    assert buffer.dtype == dtype == numpy.dtype(buffer.dtype)
    assert buffer.shape == (2, 3) and buffer.size == array.nbytes
    views = [buffer.array(), numpy.asarray(memoryview(buffer))]
    if dtype != "bool":  # which NumPy 1.24 doesn't take from others
        views.append(numpy.from_dlpack(buffer))
    for view in views:
        assert view.dtype == dtype
        numpy.testing.assert_array_equal(view, array)


def test_views_are_the_memory(device):
    buffer = Buffer.empty((2, 4), "float32", device=device)
    for view in (buffer.array(), numpy.asarray(buffer)):
        view[1, 2] += 1
    # Which NumPy lets be written from version 2.1 on.
    assert numpy.from_dlpack(buffer)[1, 2] == 2
    assert numpy.frombuffer(buffer.read(), "float32").sum() == 2
    assert numpy.shares_memory(numpy.from_dlpack(buffer), buffer.array())


def test_a_buffer_made_of_bytes():
    buffer = Buffer(16)
    assert (buffer.dtype, buffer.shape, len(buffer)) == ("uint8", (16,), 16)
    assert buffer.array("float32").shape == (4,) and buffer.array("int16", (2, 4)).shape == (2, 4)
    assert buffer.array(shape=(4, 4)).dtype == "uint8"
    typed = Buffer(16, dtype=numpy.float32, shape=[2, 2])
    assert (typed.dtype, typed.shape) == ("float32", (2, 2))
    assert repr(typed).startswith("<cbr.compute.Buffer of float32 (2, 2) on ")
    assert Buffer(16, dtype="float64").shape == (2,)


@pytest.mark.parametrize("given", ["float32", numpy.float32, numpy.dtype("float32"),
                                   type("Torch", (), {"__str__": lambda self: "torch.float32"})()])
def test_names_of_a_dtype(given):
    assert Buffer.empty(3, given).dtype == "float32"
    assert [Buffer.empty(3, each).dtype for each in (float, int, bool, complex)] == [
        "float64", "int64", "bool", "complex128"]


@pytest.mark.parametrize(("make", "error", "words"), [
    (lambda: Buffer(10, dtype="float32"), cbr.InvalidOption, "10 bytes, a multiple of 4"),
    (lambda: Buffer(16, dtype="float"), None, None),
    (lambda: Buffer(16, dtype="floaty"), cbr.InvalidOption, 'dtype is "floaty", allowed are "uint8"'),
    (lambda: Buffer(16, shape=(3, 5)), cbr.InvalidOption, r"shape is \(3, 5\), which does not take 16"),
    (lambda: Buffer(16, shape=(2**32, 2**32)), cbr.InvalidOption, "does not take 16 bytes"),
    (lambda: Buffer(16, shape=(-16, -1)), cbr.InvalidOption, r"shape\[0\] is -16"),
    (lambda: Buffer(16, shape=(0,)), cbr.InvalidOption, "does not take 16 bytes"),
    (lambda: Buffer.empty((2**40, 2**40)), cbr.InvalidOption, "can be counted"),
    (lambda: Buffer.empty(()), None, None),
    (lambda: Buffer(16).array("float32", (3,)), ValueError, "reshape")])
def test_what_does_not_fit(make, error, words):
    if error is None:
        make()
        return
    with pytest.raises(error, match=words):
        make()


def test_pythons_own_view():
    buffer = Buffer.of(numpy.arange(6, dtype="int32").reshape(2, 3))
    view = memoryview(buffer)
    assert (view.format, view.shape, view.strides, view.c_contiguous) == ("i", (2, 3), (12, 4), True)
    assert view[1, 2] == 5
    view[1, 2] = 7
    assert buffer.array()[1, 2] == 7
    assert bytes(buffer) == buffer.read() == view.tobytes()
    raw = (ctypes.c_char * 24).from_buffer(buffer)  # which asks for neither shape nor format
    assert raw.raw == buffer.read()


def test_bfloat16_goes_by_dlpack_alone():
    buffer = Buffer.empty(4, "bfloat16")
    with pytest.raises(BufferError, match="no format for bfloat16"):
        memoryview(buffer)
    buffer.write(bytes(range(8)))
    tensor = take(buffer.__dlpack__())
    assert (tensor.tensor.code, tensor.tensor.bits) == (4, 16)
    tensor.deleter(ctypes.addressof(tensor))
    made = Buffer.of(Producer(numpy.arange(3, dtype="uint16"), code=4))
    assert (made.dtype, made.shape, made.read()) == ("bfloat16", (3,), b"\0\0\1\0\2\0")


@pytest.mark.parametrize("version", [None, (0, 8), (1, 0), (1, 3)])
def test_a_consumer_keeps_the_memory(version):
    buffer = Buffer.of(numpy.arange(6, dtype="float64").reshape(2, 3))
    address = buffer.array().ctypes.data
    managed = take(buffer.__dlpack__(max_version=version))
    assert isinstance(managed, Versioned) == (version is not None and version[0] >= 1)
    tensor = managed.tensor
    assert tensor.data == address and tensor.byte_offset == 0
    assert (tensor.device_type, tensor.code, tensor.bits, tensor.lanes) == (1, 2, 64, 1)
    assert (tensor.shape[:2], tensor.strides[:2]) == ([2, 3], [3, 1])
    del buffer
    gc.collect()
    others = [Buffer.of(numpy.full(6, 99.0)) for _ in range(8)]
    assert (ctypes.c_double * 6).from_address(address)[:] == [0, 1, 2, 3, 4, 5]
    managed.deleter(ctypes.addressof(managed))
    del others


def test_arrays_keep_the_memory():
    for view_of in (numpy.from_dlpack, numpy.asarray, Buffer.array):
        array = view_of(Buffer.of(numpy.arange(100)))
        gc.collect()
        others = [Buffer.of(numpy.full(100, 7)) for _ in range(8)]
        assert (array == numpy.arange(100)).all()
        del others


@pytest.mark.parametrize(("dtype", "code", "bits"), [
    ("bool", 6, 8), ("int16", 0, 16), ("uint64", 1, 64), ("float16", 2, 16), ("complex64", 5, 64)])
def test_types_have_dlpacks_codes(dtype, code, bits):
    managed = take(Buffer.empty(3, dtype).__dlpack__())
    assert (managed.tensor.code, managed.tensor.bits, managed.tensor.lanes) == (code, bits, 1)
    managed.deleter(ctypes.addressof(managed))


def test_a_capsule_that_nobody_takes():
    import tracemalloc
    buffer = Buffer(1 << 16)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(100):
        buffer.__dlpack__()
        buffer.__dlpack__(max_version=(1, 0), copy=True)
    assert tracemalloc.get_traced_memory()[0] - before < 10000
    tracemalloc.stop()


def test_a_copy_where_one_is_asked_for():
    buffer = Buffer.of(numpy.arange(3, dtype="uint8"))
    managed = take(buffer.__dlpack__(copy=True, max_version=(1, 0)))
    assert managed.flags == 2 and managed.tensor.data != buffer.array().ctypes.data
    buffer.array()[:] = 9
    assert ctypes.string_at(managed.tensor.data, 3) == b"\0\1\2"
    managed.deleter(ctypes.addressof(managed))


def test_what_can_not_be_exported():
    buffer = Buffer(16)
    assert buffer.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match="stream"):
        buffer.__dlpack__(stream=1)
    with pytest.raises(BufferError, match="dl_device is of type 2"):
        buffer.__dlpack__(dl_device=(2, 0))
    hidden = Buffer(16, "device-local")
    for call in (hidden.__dlpack__, hidden.__dlpack_device__, lambda: memoryview(hidden)):
        with pytest.raises(BufferError, match="device-local"):
            call()


@pytest.mark.parametrize("array", [
    numpy.arange(6, dtype="float32").reshape(2, 3), numpy.arange(6, dtype="int16")[::2],
    numpy.arange(6, dtype="int64").reshape(2, 3).T, numpy.array(3.5)],
    ids=["whole", "gaps", "transposed", "scalar"])
@pytest.mark.parametrize("placement", ["host-visible", "device-local"])
def test_any_tensor_goes_in(array, placement):
    producer = Producer(array)
    buffer = Buffer.of(producer, placement)
    assert (buffer.dtype, buffer.shape) == (str(array.dtype), array.shape)
    assert buffer.read() == array.tobytes()
    gc.collect()
    assert producer.deleted == 1


def test_a_tensor_without_strides_has_no_gaps():
    array = numpy.arange(6, dtype="float32").reshape(2, 3)
    assert Buffer.of(Producer(array, strides=None)).read() == array.tobytes()


def test_what_is_no_tensor():
    with pytest.raises(TypeError, match="DLPack's type 2; only what is on the CPU"):
        Buffer.of(Producer(numpy.arange(3), device=2))
    producer = Producer(numpy.arange(3, dtype="int32"), bits=4)
    with pytest.raises(TypeError, match="type 0 with 4 bits"):
        Buffer.of(producer)
    assert producer.deleted == 1
    broken = type("Broken", (), {"__dlpack__": lambda self, **_: 3,
                                 "__dlpack_device__": lambda self: (1, 0)})()
    with pytest.raises(TypeError, match=r"what __dlpack__\(\) returns is 3"):
        Buffer.of(broken)
    nowhere = type("Nowhere", (), {"__dlpack__": lambda self, **_: 3,
                                   "__dlpack_device__": lambda self: "here"})()
    with pytest.raises(TypeError, match=r"what __dlpack_device__\(\) returns is 'here'"):
        Buffer.of(nowhere)


def test_with_torch():
    torch = pytest.importorskip("torch")
    buffer = Buffer.of(torch.arange(6, dtype=torch.float32).reshape(2, 3))
    assert (buffer.dtype, buffer.shape) == ("float32", (2, 3))
    tensor = torch.from_dlpack(buffer)
    tensor += 1
    assert buffer.array().tolist() == [[1, 2, 3], [4, 5, 6]]
    assert Buffer.empty(4, torch.bfloat16).dtype == "bfloat16"
