"""Command Buffer Ring: keep a GPU busy.

    import cbr

    with cbr.CommandBufferRing(ring_size=3) as ring:
        for step in range(100):
            with ring.acquire() as lease:          # waits if every slot is in flight
                lease.dispatch(kernel, groups, data, step)
        lease.ticket.wait()                        # the block submitted; optional

Times are seconds, as in Python's own waits, but for options whose name ends in _ms and the
nanoseconds of the GPU's clock. No function holds the interpreter lock while it waits, and Ctrl-C ends
every wait on the main thread.

This is the ring. Modules that have to be imported by name use it: cbr.compute has what a lease
dispatches (Buffer, Kernel), cbr.decode writes text with a model, cbr.bench compares measurements.
"""

from cbr import _compiled  # noqa: F401  (first: it says so if there is no compiled part)
from cbr import simulated
from cbr._asyncio import AcquireRequest
from cbr._cbr import (AcquireEvent, AcquireHandle, AcquireTimeout, Backend, BackendError,
                      CallbackHandle, CompleteEvent, ComputeFamily, Dependency, DependencyFailed,
                      Device, DeviceInfo, DeviceLost, Diagnosis, Error, ExecutionFailed,
                      FaultInjector, Finding, GpuActivity, GpuInterval, HostInterval, InputError,
                      InvalidOption, InvalidUsage, Lease, Prediction, RecordedSubmission, Recorder,
                      Recording, RingStatistics, Sequence, StepCosts, SubmissionTimes, SubmitEvent,
                      SubmitFailed, Ticket, __version__, default_device, device_traits, diagnose,
                      list_devices, merge_steps, predict, step_costs, validate, wait_all, wait_any)
from cbr._log import LogEvent, LogLevel, LogMessage, Place
from cbr._options import AllocationStrategy, GpuTimes, Priority, WaitStrategy
from cbr._ring import CommandBufferRing

__all__ = [
    "AcquireEvent", "AcquireHandle", "AcquireRequest", "AcquireTimeout", "AllocationStrategy",
    "Backend", "BackendError", "CallbackHandle", "CommandBufferRing", "CompleteEvent",
    "ComputeFamily", "Dependency", "DependencyFailed", "Device", "DeviceInfo", "DeviceLost",
    "Diagnosis", "Error", "ExecutionFailed", "FaultInjector", "Finding", "GpuActivity",
    "GpuInterval", "GpuTimes", "HostInterval", "InputError", "InvalidOption", "InvalidUsage",
    "Lease", "LogEvent", "LogLevel", "LogMessage", "Place", "Prediction", "Priority",
    "RecordedSubmission", "Recorder", "Recording", "RingStatistics", "Sequence", "StepCosts",
    "SubmissionTimes", "SubmitEvent", "SubmitFailed", "Ticket", "WaitStrategy", "__version__",
    "default_device", "device_traits", "diagnose", "list_devices", "merge_steps", "predict",
    "simulated", "step_costs", "validate", "wait_all", "wait_any",
]
