// From a device's clock to the host's. Pure logic.
#pragma once

#include <chrono>

#include <cbr/submission_times.h>
#include <cbr/types.h>

namespace cbr::observe {

/// Whether an interval runs forwards, and is of a clock at all: sums and differences of possible
/// ones don't overflow. What a driver says is untrusted.
[[nodiscard]] bool is_possible(const GpuInterval& interval) noexcept;
/// Whether an interval can be told by the host's clock.
[[nodiscard]] bool is_possible(const GpuInterval& interval, const ClockOffset& clock) noexcept;
/// The same interval by the host's clock. It is possible.
[[nodiscard]] HostInterval host_interval(const GpuInterval& interval,
                                         const ClockOffset& clock) noexcept;

}  // namespace cbr::observe
