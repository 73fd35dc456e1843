"""A GPU that exists only in numbers, for tests of loops that use a ring: exact, and in no time.

    gpu = cbr.simulated.Gpu()
    with cbr.CommandBufferRing(ring_size=2, backend=gpu) as ring:
        with ring.acquire() as lease:
            cbr.simulated.record(lease, encode=20e-6, execute=44e-6)
"""

from cbr._cbr import SimulatedGpu as Gpu
from cbr._cbr import simulate as record

__all__ = ["Gpu", "record"]
