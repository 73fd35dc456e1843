"""The names that options may have."""

import enum


class AllocationStrategy(str, enum.Enum):
    """Which slot a caller gets. The strings do as well."""

    round_robin = "round-robin"
    least_busy = "least-busy"
    priority = "priority"


class WaitStrategy(str, enum.Enum):
    """How a thread waits for the GPU. The strings do as well."""

    block = "block"
    spin = "spin"
    hybrid = "hybrid"
    adaptive = "adaptive"


class GpuTimes(str, enum.Enum):
    """Which times the GPU notes for a submission. The strings do as well."""

    both = "both"
    end = "end"
    sampled = "sampled"
    none = "none"


class Priority(str, enum.Enum):
    """The level of a request. The strings do as well, and numbers from 0, the highest."""

    high = "high"
    medium = "medium"
    low = "low"
