"""What the Python of the pages takes for granted: a context manager for each situation, which gives
the names and, afterwards, looks at what the block did."""

import ast
import asyncio
import contextlib

import numpy

import cbr
import cbr.compute

SCALE = """
    #version 450
    #extension GL_EXT_buffer_reference : require
    layout(local_size_x = 64) in;
    layout(buffer_reference, std430, buffer_reference_align = 16) buffer Floats { float at[]; };
    layout(push_constant) uniform Push { %s };
    void main() { uint i = gl_GlobalInvocationID.x; %s }"""


@contextlib.contextmanager
def nothing():
    yield {}


@contextlib.contextmanager
def array():
    """README: an array in, its multiple out."""
    values = numpy.arange(64, dtype="float32")
    kernel = cbr.compute.Kernel.from_glsl(
        SCALE % ("Floats data; float factor;", "data.at[i] *= factor;"), push="Qf")
    names = {"cbr": cbr, "kernel": kernel, "groups": 1, "array": values}
    yield names
    numpy.testing.assert_array_equal(names["data"].array("float32"),
                                     3 * numpy.arange(64, dtype="float32"))


@contextlib.contextmanager
def loop():
    """The loop of a hundred steps, from one buffer to another."""
    kernel = cbr.compute.Kernel.from_glsl(
        SCALE % ("Floats source; Floats target; uint count; float factor;",
                 "if (i < count) target.at[i] = source.at[i] * factor;"), push="QQIf")
    source = cbr.compute.Buffer.of(numpy.arange(64, dtype="float32"))
    target = cbr.compute.Buffer.of(numpy.zeros(64, dtype="float32"))
    yield {"kernel": kernel, "groups": 1, "source": source, "target": target, "count": 64}
    numpy.testing.assert_array_equal(target.array("float32"),
                                     3 * numpy.arange(64, dtype="float32"))


@contextlib.contextmanager
def ring():
    """An idle ring."""
    with cbr.CommandBufferRing(ring_size=3) as made:
        yield {"cbr": cbr, "ring": made, "numpy": numpy}


@contextlib.contextmanager
def shared():
    """An idle ring and the page's kernel, whose work shows in the array."""
    kernel = cbr.compute.Kernel.from_glsl(
        SCALE % ("Floats data; uint count; float factor;", "if (i < count) data.at[i] *= factor;"),
        push="QIf")
    with cbr.CommandBufferRing(ring_size=3) as made:
        names = {"cbr": cbr, "ring": made, "numpy": numpy, "kernel": kernel}
        yield names
    numpy.testing.assert_array_equal(names["array"], 3 * numpy.arange(1000, dtype="float32"))


@contextlib.contextmanager
def theirs():
    """A device that another library opened: here this one, which the page does not show."""
    owner = cbr.Device()
    names = {"cbr": cbr, "instance": owner.instance, "physical_device": owner.physical_device,
             "handle": owner.handle, "queue": owner.queue(), "owner": owner}
    yield names
    assert names["device"].handle == owner.handle


@contextlib.contextmanager
def tickets():
    """Some tickets."""
    with cbr.CommandBufferRing(ring_size=3) as made:
        some = [made.acquire().submit() for _ in range(3)]
        yield {"cbr": cbr, "ticket": some[0], "tickets": some}
        assert all(each.done for each in some)


def run(block, names):
    """Runs a block that may `await` at its top level."""
    # The lines are the page's own in a traceback.
    code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec",
                   flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    awaitable = eval(code, names)  # noqa: S307
    if awaitable is not None:
        asyncio.run(awaitable)
