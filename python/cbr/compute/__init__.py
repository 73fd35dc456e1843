"""Work for a ring's leases on Vulkan: buffers, and kernels from SPIR-V or GLSL.

    kernel = cbr.compute.Kernel.from_glsl(source, push="QI")
    data = cbr.compute.Buffer.of(array)
    with ring.acquire() as lease:
        lease.dispatch(kernel, groups, data, len(array))
"""

from cbr.compute._buffer import Buffer
from cbr.compute._glsl import compile_glsl
from cbr.compute._kernel import Kernel

__all__ = ["Buffer", "Kernel", "compile_glsl"]
