// Times a loop of equal steps through a ring.
#pragma once

#include <cstdint>
#include <functional>

#include <cbr/lease.h>
#include <cbr/ring.h>

#include "bench/workload.h"

namespace cbr::bench {

/// Acquires, records and submits `steps` steps and waits for the last. Fills in all of the samples
/// but the hash; `step_ms` is the time from one submit to the next. Once `stop` is set it submits
/// nothing more. Throws what the ring, `record` or a submission throws.
[[nodiscard]] RoundSamples run_steps(CommandBufferRing& ring, std::uint32_t steps,
                                     const StopFlag& stop,
                                     const std::function<void(const Lease& lease)>& record);

/// So many steps of run_hand_overs() may be under way at once: each has data of its own.
inline constexpr std::uint32_t hand_over_depth = 3;

/// The same for steps that pass through all queues of the ring, one submission each: the first
/// queue makes what each further one takes from the queue before, as the submissions' dependencies
/// tell the GPU. A step also waits for the one whose data it gets, `hand_over_depth` steps before
/// it. With HandOver::host this thread waits before it submits, and the GPU finds nothing left to
/// wait for. `record` is given the number of the step's data.
[[nodiscard]] RoundSamples run_hand_overs(
    CommandBufferRing& ring, std::uint32_t steps, HandOver hand_over, const StopFlag& stop,
    const std::function<void(const Lease& lease, std::uint32_t data)>& record);

}  // namespace cbr::bench
