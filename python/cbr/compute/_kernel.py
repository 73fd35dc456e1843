"""Compute kernels."""

from __future__ import annotations

from collections.abc import Sequence

from cbr import _cbr
from cbr.compute._glsl import compile_glsl


class Kernel(_cbr.Kernel):
    """A compute kernel from SPIR-V whose data is found by buffer addresses among its push constants.

    `push` is their layout in the letters of Python's struct: "Q" an address (a Buffer), "I" uint,
    "i" int, "f" float; "x" is a byte of padding. `constants` are the specialization constants 0, 1,
    2 and so on. `spirv` is bytes, or anything with the buffer protocol.

    InvalidOption if it is no SPIR-V with a compute entry point "main", if it binds buffers or images
    (layout(binding = ...)), or if its push constants take more bytes than `push`.
    """

    @classmethod
    def from_glsl(cls, source: str, push: str = "", *, name: str = "kernel",
                  constants: Sequence[int] = (), device: _cbr.Device | None = None) -> Kernel:
        """Compiles GLSL with glslangValidator, which has to be installed."""
        return cls(compile_glsl(source, name=name), push, name=name, constants=list(constants),
                   device=device)
