"""The ring under the name `krserve_native`, for programs that import it from there."""

from cbr import AcquireTimeout, CommandBufferRing, RingStatistics

__all__ = ["AcquireTimeout", "CommandBufferRing", "RingStatistics"]
