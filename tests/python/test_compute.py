"""Buffers and kernels: real work in a slot, with NumPy arrays in and out."""

import gc
import shutil

import numpy
import pytest

import cbr
import cbr.compute

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
    return cbr.compute.Kernel.from_glsl(GLSL, push="QQIf", name="scale", device=device)


@pytest.fixture
def ring(device):
    with cbr.CommandBufferRing(ring_size=3, backend=device) as made:
        yield made


@needs_compiler
def test_numpy_in_and_out(ring, kernel):
    values = numpy.arange(COUNT, dtype="float32")
    source, target = cbr.compute.Buffer.of(values), cbr.compute.Buffer(4 * COUNT)
    with ring.acquire() as lease:
        lease.dispatch(kernel, GROUPS, source, target, COUNT, 3.0)
    lease.ticket.wait()
    numpy.testing.assert_array_equal(target.array("float32"), values * 3 + 1)
    assert lease.ticket.gpu_interval is None or lease.ticket.gpu_interval.duration >= 0


@needs_compiler
def test_arrays_are_the_memory_itself(ring, kernel):
    buffer = cbr.compute.Buffer(4 * COUNT)
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
    buffer = cbr.compute.Buffer(4 * COUNT)
    for _ in range(5):
        with ring.acquire() as lease:
            for _ in range(4):
                lease.dispatch(kernel, (GROUPS, 1), buffer, buffer, COUNT, 1.0)
    lease.ticket.wait()
    assert (buffer.array("float32") == 20).all()


@needs_compiler
def test_memory_lives_while_work_in_flight_uses_it(ring, device):
    target = cbr.compute.Buffer(4 * COUNT)
    for _ in range(20):
        kernel = cbr.compute.Kernel.from_glsl(GLSL, push="QQIf", device=device)
        source = cbr.compute.Buffer.of(numpy.full(COUNT, 2, "float32"))
        with ring.acquire() as lease:
            lease.dispatch(kernel, GROUPS, source, target, COUNT, 4.0)
        del kernel, source, lease
        gc.collect()
    ring.drain()
    assert (target.array("float32") == 9).all()


def test_memory_lives_while_an_array_does(device):
    array = cbr.compute.Buffer.of(numpy.arange(COUNT, dtype="int32"), device=device).array("int32")
    gc.collect()
    others = [cbr.compute.Buffer(4 * COUNT) for _ in range(8)]
    for other in others:
        other.array()[:] = 255
    assert (array == numpy.arange(COUNT)).all()


def test_device_local_memory_copies(ring):
    values = numpy.arange(COUNT, dtype="float32")
    buffer = cbr.compute.Buffer.of(values, placement="device-local")
    with pytest.raises(BufferError):
        memoryview(buffer)
    assert buffer.read() == values.tobytes()
    buffer.write(b"\1\2\3\4", offset=8)
    assert buffer.read(8, 4) == b"\1\2\3\4"
    host = cbr.compute.Buffer(16)
    with ring.acquire() as lease:
        lease.copy(buffer, host, 4, source_offset=8, target_offset=12)
    lease.ticket.wait()
    assert bytes(host) == bytes(12) + b"\1\2\3\4"


def test_ranges_are_checked(ring, device):
    buffer = cbr.compute.Buffer(16)
    for wrong in (lambda: buffer.write(bytes(17)), lambda: buffer.write(b"x", 16),
                  lambda: buffer.read(17, 1), lambda: buffer.read(0, 2**64 - 1)):
        with pytest.raises(cbr.InvalidUsage, match="16"):
            wrong()
    with ring.acquire() as lease:
        with pytest.raises(cbr.InvalidUsage):
            lease.copy(buffer, buffer, 17)
        lease.discard()
    with pytest.raises(cbr.InvalidOption):
        cbr.compute.Buffer(0)
    with pytest.raises(cbr.InvalidOption, match="nowhere"):
        cbr.compute.Buffer(16, "nowhere")


@needs_compiler
def test_push_constants_are_checked(ring, kernel):
    buffer = cbr.compute.Buffer(16)
    with ring.acquire() as lease:
        with pytest.raises(cbr.InvalidUsage, match="scale"):
            lease.dispatch(kernel, 1, buffer, buffer)
        with pytest.raises(cbr.InvalidUsage, match="scale"):
            lease.dispatch(kernel, 1, buffer, buffer, "many", 1.0)
        lease.discard()


def test_what_is_no_spirv_is_refused(device):
    for data in (b"", b"\3\2\x23\7" * 4 + b"x", bytes(64)):
        with pytest.raises(cbr.InvalidOption, match="SPIR-V"):
            cbr.compute.Kernel(data, device=device)
    with pytest.raises(cbr.InvalidOption, match="push"):
        cbr.compute.Kernel(bytes(64), push="%", device=device)


@needs_compiler
def test_glsl_errors_name_the_line():
    with pytest.raises(cbr.InputError, match="broken.*(.|\n)*:3:"):
        cbr.compute.compile_glsl("#version 450\nvoid main() {\n  nonsense;\n}\n", name="broken")


def test_no_compiler_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(cbr.BackendError, match="glslang-tools"):
        cbr.compute.compile_glsl(GLSL)


@needs_compiler
def test_another_devices_objects_are_refused(kernel, ring):
    other = cbr.Device()
    buffer = cbr.compute.Buffer(16, device=other)
    with ring.acquire() as lease:
        with pytest.raises(cbr.InvalidUsage, match="another Device"):
            lease.dispatch(kernel, 1, buffer, buffer, 4, 1.0)
        lease.discard()


@needs_compiler
def test_nothing_is_recorded_into_the_simulated_gpu(kernel):
    with cbr.CommandBufferRing(backend="simulated") as ring, ring.acquire() as lease:
        with pytest.raises(cbr.InvalidUsage):
            lease.dispatch(kernel, 1)


@pytest.mark.parametrize("array", [
    numpy.arange(10, dtype="float32")[::2], numpy.arange(5, dtype="float32")[::-1],
    numpy.asfortranarray(numpy.arange(6, dtype="float32").reshape(2, 3)),
    numpy.arange(24, dtype="int16").reshape(2, 3, 4).transpose(2, 0, 1), numpy.float32(3),
    numpy.frombuffer(bytes(range(8)), "uint8")],
    ids=["gaps", "backwards", "Fortran", "transposed", "scalar", "read-only"])
@pytest.mark.parametrize("placement", ["host-visible", "device-local"])
def test_any_array_goes_in(array, placement, device):
    array = numpy.asarray(array)
    buffer = cbr.compute.Buffer.of(array, placement, device)
    got = numpy.frombuffer(buffer.read(), array.dtype).reshape(array.shape)
    numpy.testing.assert_array_equal(got, array)


@pytest.mark.parametrize(("array", "words"), [
    (numpy.arange(4, dtype=">f4"), 'format ">f", another byte order'),
    (numpy.zeros(2, dtype=[("Old", "<u4"), ("Big", ">u4")]), "another byte order"),
    (numpy.array([1, "a"], dtype=object), "holds Python objects"),
    ([1, 2, 3], "a bytes-like object is required, not 'list'")])
def test_what_a_kernel_would_misread_is_refused(array, words, device):
    with pytest.raises(TypeError, match=words):
        cbr.compute.Buffer.of(array, device=device)


def test_names_of_fields_are_no_formats(device):
    cbr.compute.Buffer.of(numpy.zeros(2, dtype=[("Old>", "u4")]), device=device)


def test_an_empty_array_is_refused(device):
    with pytest.raises(cbr.InvalidOption, match="0 bytes"):
        cbr.compute.Buffer.of(numpy.empty(0), device=device)


def test_views_write_through(device):
    buffer = cbr.compute.Buffer(16, device=device)
    view = memoryview(buffer)
    assert not view.readonly
    view[4:8] = b"abcd"
    del buffer
    gc.collect()
    assert bytes(view) == bytes(4) + b"abcd" + bytes(8)


def test_a_copy_onto_itself_is_refused(ring, device):
    buffer = cbr.compute.Buffer(16, device=device)
    with ring.acquire() as lease:
        lease.copy(buffer, buffer, 8, target_offset=8)
        with pytest.raises(cbr.InvalidUsage, match="overlaps"):
            lease.copy(buffer, buffer, 9, target_offset=7)
        lease.discard()


@needs_compiler
def test_numpys_numbers_are_groups_and_push_constants(ring, kernel):
    values = numpy.ones(COUNT, dtype="float32")
    buffer = cbr.compute.Buffer.of(values)
    for groups in (numpy.int64(GROUPS), numpy.array([GROUPS, 1]), [GROUPS]):
        with ring.acquire() as lease:
            lease.dispatch(kernel, groups, buffer, buffer, values.size, values[0])
    lease.ticket.wait()
    assert (buffer.array("float32") == 4).all()


@needs_compiler
@pytest.mark.parametrize(("groups", "error", "words"), [
    (-1, cbr.InvalidOption, "groups is -1"), ("x", TypeError, "groups is 'x'"),
    (1.5, TypeError, "groups is 1.5"), ((1, 2, 3), cbr.InvalidOption, "groups has 3 numbers"),
    ((1, "x"), TypeError, r"groups\[1\] is 'x'"),
    ((1 << 32) - 1, cbr.BackendError, "scale's number of work groups along x")])
def test_groups_are_checked(groups, error, words, ring, kernel):
    buffer = cbr.compute.Buffer(16)
    with ring.acquire() as lease:
        with pytest.raises(error, match=words):
            lease.dispatch(kernel, groups, buffer, buffer, 4, 1.0)
        lease.discard()


@needs_compiler
@pytest.mark.parametrize(("arguments", "words"), [
    (("b", "b"), r'scale takes 4 push constants \("QQIf"\), 2 are given'),
    (("b", "b", 1, 2, 3), "5 are given"),
    (("b", "b", "b", 1.0), r'push constant 2 is a Buffer.*has "I" there'),
    (("b", "b", 4, "b"), r'push constant 3 is a Buffer.*has "f" there'),
    (("b", "b", "many", 1.0), r"""push constant 2 \("I"\) is 'many'"""),
    (("b", "b", -1, 1.0), r'push constant 2 \("I"\) is -1'),
    (("b", "b", 4, None), r'push constant 3 \("f"\) is None'),
    (("b", numpy.ones(4), 4, 1.0), r'push constant 1 \("Q"\) is array\(\[1')])
def test_the_wrong_push_constant_is_named(arguments, words, ring, kernel):
    buffer = cbr.compute.Buffer(16)
    values = [buffer if isinstance(each, str) and each == "b" else each for each in arguments]
    with ring.acquire() as lease:
        with pytest.raises(cbr.InvalidUsage, match=words) as caught:
            lease.dispatch(kernel, 1, *values)
        assert "\n" not in str(caught.value)
        lease.discard()


@needs_compiler
def test_counts_and_padding_in_a_layout(ring, device):
    kernel = cbr.compute.Kernel.from_glsl("""
        #version 450
        #extension GL_EXT_buffer_reference : require
        layout(local_size_x = 1) in;
        layout(buffer_reference, std430, buffer_reference_align = 16) buffer Floats { float at[]; };
        layout(push_constant) uniform Push { Floats data; vec4 values; };
        void main() { for (uint i = 0; i < 4; ++i) data.at[i] = values[i]; }""",
        push="Q8x4f", device=device)
    buffer = cbr.compute.Buffer(16, device=device)
    with ring.acquire() as lease:
        lease.dispatch(kernel, 1, buffer, 1, 2, 3, 4)
    lease.ticket.wait()
    assert list(buffer.array("float32")) == [1, 2, 3, 4]


@needs_compiler
def test_push_constants_that_the_shader_has_and_the_layout_has_not(device):
    with pytest.raises(cbr.InvalidOption, match='push is "QQ", which takes 16 bytes.* take 24'):
        cbr.compute.Kernel.from_glsl(GLSL, push="QQ", device=device)
    nested = """
        #version 450
        struct Part { vec3 a; mat3x2 b[2]; };
        layout(push_constant) uniform Push { uint x; Part parts[2]; float last; };
        void main() { if (x == 7u && parts[1].b[1][2].y == last) return; }"""
    # x 0; each part a 16, b 32..80 of 48; 2 parts end at 144: last 144..148.
    with pytest.raises(cbr.InvalidOption, match="take 148"):
        cbr.compute.Kernel.from_glsl(nested, push="I", device=device)


@needs_compiler
def test_a_shader_that_binds_is_refused(device):
    with pytest.raises(cbr.InvalidOption, match=r"binder.*layout\(binding.*push constants"):
        cbr.compute.Kernel.from_glsl("""
            #version 450
            layout(std430, binding = 0) buffer Data { float at[]; };
            void main() { at[0] = 1; }""", name="binder", device=device)


@needs_compiler
def test_damaged_spirv_is_refused(device):
    spirv = cbr.compute.compile_glsl(GLSL)
    whole = numpy.frombuffer(spirv, "uint32")
    cbr.compute.Kernel(bytearray(spirv), push="QQIf", device=device)
    cbr.compute.Kernel(whole, push="QQIf", device=device)
    for words in (whole[:-1], whole[:len(whole) // 2], whole[:5]):
        with pytest.raises(cbr.InvalidOption, match="SPIR-V"):
            cbr.compute.Kernel(words.tobytes(), push="QQIf", device=device)
    # The entry point's name: no "main" any more.
    other = spirv.replace(b"main", b"mein")
    with pytest.raises(cbr.InvalidOption, match='no compute entry point "main"'):
        cbr.compute.Kernel(other, push="QQIf", device=device)
