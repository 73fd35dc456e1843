"""The ring."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from cbr import _cbr
from cbr._config import ConfigSource, merged_options
from cbr._log import LogMessage


class CommandBufferRing(_cbr.Ring):
    """A ring of command-buffer slots on one backend.

    `backend` is "vulkan" (the default device), "simulated", a Device, or a Backend; None is what
    the file `config` says, or "vulkan". The options are those of cbr::RingOptions by their names;
    one left at None has the value that `config` gives it, or its default. `config` is a mapping,
    or the path of a YAML file, which variables of the environment (CBR_RING_SIZE) override;
    InputError names the file, line and column of a mistake. `spin_limit` is in seconds, and
    `timeout_ms` 0 waits for ever. With `ring_size` "auto" the ring chooses its size: from two slots
    for each queue up to `largest_ring_size`, or down to one, so that steps wait for the GPU no
    longer than `max_queued_ms` in the mean (0: no limit). `log_sink` is called with each message,
    on any thread: a LogMessage, which is a string of one line with attributes; without a sink they
    go to standard error. `observer` is a Recorder, or has some of the methods on_acquire(AcquireEvent),
    on_submit(SubmitEvent), on_complete(CompleteEvent), on_discard(slot) and on_device_lost(), which
    are called on the thread that causes or notices the event; they take its time, and must not wait
    for a slot. Events may be kept.

    All functions may be called by any thread. At the end of a with block, and in close(), the ring
    waits for its work in flight. At the end of the program all rings are closed.
    """

    def __init__(
        self,
        ring_size: int | Literal["auto"] | None = None,
        timeout_ms: int | None = None,
        *,
        largest_ring_size: int | None = None,
        max_queued_ms: int | None = None,
        allocation_strategy: str | None = None,
        priority_levels: int | None = None,
        reserved_slots: Sequence[int] | None = None,
        ageing_limit: int | None = None,
        wait_strategy: str | None = None,
        spin_limit: float | None = None,
        gpu_times: str | None = None,
        hang_warning_ms: int | None = None,
        coalescing: bool | None = None,
        log_wait_events: bool | None = None,
        track_statistics: bool | None = None,
        name: str | None = None,
        log_sink: Callable[[LogMessage], object] | None = None,
        observer: object | None = None,
        backend: str | _cbr.Device | _cbr.Backend | None = None,
        config: ConfigSource | None = None,
    ) -> None:
        given = {
            "ring_size": ring_size,
            "largest_ring_size": largest_ring_size,
            "max_queued_ms": max_queued_ms,
            "timeout_ms": timeout_ms,
            "allocation_strategy": allocation_strategy,
            "priority_levels": priority_levels,
            "reserved_slots": reserved_slots,
            "ageing_limit": ageing_limit,
            "wait_strategy": wait_strategy,
            "spin_limit": spin_limit,
            "gpu_times": gpu_times,
            "hang_warning_ms": hang_warning_ms,
            "coalescing": coalescing,
            "log_wait_events": log_wait_events,
            "track_statistics": track_statistics,
            "name": name,
            "log_sink": log_sink,
            "observer": observer,
        }
        options, loaded = merged_options(config, given)
        super().__init__(options, backend, loaded)
