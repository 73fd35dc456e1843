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

}  // namespace cbr::bench
