"""Buffers and kernels: real work in a slot, with NumPy arrays in and out."""

import gc
import shutil

import numpy
import pytest

import cbr

GLSL = """
#version 450
#extension GL_EXT_buffer_reference : require
layout(local_size_x = 64) in;
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Floats { float at[]; };
layout(push_constant) uniform Push { Floats input_data; Floats output_data; uint count; float factor; };
void main() {
  uint i = gl_GlobalInvocationID.x;
  if (i < count) output_data.at[i] = input_data.at[i] * factor + 1.0;
}
"""
COUNT = 1000
GROUPS = (COUNT + 63) // 64

needs_compiler = pytest.mark.skipif(shutil.which("glslangValidator") is None,
                                    reason="glslangValidator is not installed")


@pytest.fixture(scope="module")
def kernel(device):
    return cbr.Kernel.from_glsl(GLSL, push="QQIf", name="scale", device=device)


@pytest.fixture
def ring(device):
    with cbr.CommandBufferRing(ring_size=3, backend=device) as made:
        yield made


@needs_compiler
def test_numpy_in_and_out(ring, kernel):
    values = numpy.arange(COUNT, dtype="float32")
    source, target = cbr.Buffer.of(values), cbr.Buffer(4 * COUNT)
    with ring.acquire() as lease:
        lease.dispatch(kernel, GROUPS, source, target, COUNT, 3.0)
    lease.ticket.wait()
    numpy.testing.assert_array_equal(target.array("float32"), values * 3 + 1)
    assert lease.ticket.gpu_interval is None or lease.ticket.gpu_interval.duration >= 0


@needs_compiler
def test_arrays_are_the_memory_itself(ring, kernel):
    buffer = cbr.Buffer(4 * COUNT)
    array = buffer.array("float32")
    assert not array.any()
    for step in range(3):
        array[:] = step
        with ring.acquire() as lease:
            lease.dispatch(kernel, GROUPS, buffer, buffer, COUNT, 2.0)
        lease.ticket.wait()
        assert (array == step * 2 + 1).all()


@needs_compiler
def test_dispatches_see_what_earlier_ones_wrote(ring, kernel):
    buffer = cbr.Buffer(4 * COUNT)
    for _ in range(5):
        with ring.acquire() as lease:
            for _ in range(4):
                lease.dispatch(kernel, (GROUPS, 1), buffer, buffer, COUNT, 1.0)
    lease.ticket.wait()
    assert (buffer.array("float32") == 20).all()


@needs_compiler
def test_memory_lives_while_work_in_flight_uses_it(ring, device):
    target = cbr.Buffer(4 * COUNT)
    for _ in range(20):
        kernel = cbr.Kernel.from_glsl(GLSL, push="QQIf", device=device)
        source = cbr.Buffer.of(numpy.full(COUNT, 2, "float32"))
        with ring.acquire() as lease:
            lease.dispatch(kernel, GROUPS, source, target, COUNT, 4.0)
        del kernel, source, lease
        gc.collect()
    ring.drain()
    assert (target.array("float32") == 9).all()


def test_memory_lives_while_an_array_does(device):
    array = cbr.Buffer.of(numpy.arange(COUNT, dtype="int32"), device=device).array("int32")
    gc.collect()
    others = [cbr.Buffer(4 * COUNT) for _ in range(8)]
    for other in others:
        other.array()[:] = 255
    assert (array == numpy.arange(COUNT)).all()


def test_device_local_memory_copies(ring):
    values = numpy.arange(COUNT, dtype="float32")
    buffer = cbr.Buffer.of(values, placement="device-local")
    with pytest.raises(BufferError):
        memoryview(buffer)
    assert buffer.read() == values.tobytes()
    buffer.write(b"\1\2\3\4", offset=8)
    assert buffer.read(8, 4) == b"\1\2\3\4"
    host = cbr.Buffer(16)
    with ring.acquire() as lease:
        lease.copy(buffer, host, 4, source_offset=8, target_offset=12)
    lease.ticket.wait()
    assert bytes(host) == bytes(12) + b"\1\2\3\4"


def test_ranges_are_checked(ring, device):
    buffer = cbr.Buffer(16)
    for wrong in (lambda: buffer.write(bytes(17)), lambda: buffer.write(b"x", 16),
                  lambda: buffer.read(17, 1), lambda: buffer.read(0, 2**64 - 1)):
        with pytest.raises(cbr.InvalidUsage, match="16"):
            wrong()
    with ring.acquire() as lease:
        with pytest.raises(cbr.InvalidUsage):
            lease.copy(buffer, buffer, 17)
        lease.discard()
    with pytest.raises(cbr.InvalidOption):
        cbr.Buffer(0)
    with pytest.raises(cbr.InvalidOption, match="nowhere"):
        cbr.Buffer(16, "nowhere")


@needs_compiler
def test_push_constants_are_checked(ring, kernel):
    buffer = cbr.Buffer(16)
    with ring.acquire() as lease:
        with pytest.raises(cbr.InvalidUsage, match="scale"):
            lease.dispatch(kernel, 1, buffer, buffer)
        with pytest.raises(cbr.InvalidUsage, match="scale"):
            lease.dispatch(kernel, 1, buffer, buffer, "many", 1.0)
        lease.discard()


def test_what_is_no_spirv_is_refused(device):
    for data in (b"", b"\3\2\x23\7" * 4 + b"x", bytes(64)):
        with pytest.raises(cbr.InvalidOption, match="SPIR-V"):
            cbr.Kernel(data, device=device)
    with pytest.raises(cbr.InvalidOption, match="push"):
        cbr.Kernel(bytes(64), push="%", device=device)


@needs_compiler
def test_glsl_errors_name_the_line():
    with pytest.raises(cbr.InputError, match="broken.*(.|\n)*:3:"):
        cbr.compile_glsl("#version 450\nvoid main() {\n  nonsense;\n}\n", name="broken")


def test_no_compiler_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(cbr.BackendError, match="glslang-tools"):
        cbr.compile_glsl(GLSL)


@needs_compiler
def test_another_devices_objects_are_refused(kernel, ring):
    other = cbr.Device()
    buffer = cbr.Buffer(16, device=other)
    with ring.acquire() as lease:
        with pytest.raises(cbr.InvalidUsage, match="another Device"):
            lease.dispatch(kernel, 1, buffer, buffer, 4, 1.0)
        lease.discard()


@needs_compiler
def test_nothing_is_recorded_into_the_simulated_gpu(kernel):
    with cbr.CommandBufferRing(backend="simulated") as ring, ring.acquire() as lease:
        with pytest.raises(cbr.InvalidUsage):
            lease.dispatch(kernel, 1)
