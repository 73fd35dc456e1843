// From a device's clock to the host's. Pure logic.
#pragma once

#include <chrono>
#include <cstdint>

#include <cbr/submission_times.h>
#include <cbr/types.h>

namespace cbr::observe {

/// 73 years: sums and differences of such times don't overflow.
inline constexpr std::int64_t longest_ns = std::int64_t{1} << 61;

/// Whether a time is one to reckon with: what drivers and files tell is untrusted.
[[nodiscard]] constexpr bool is_countable(std::chrono::nanoseconds time) {
  return time.count() > -longest_ns && time.count() < longest_ns;
}
[[nodiscard]] constexpr bool is_countable(TimePoint moment) {
  return is_countable(std::chrono::nanoseconds(moment.time_since_epoch()));
}

/// Whether an interval runs forwards, and is of a clock at all: sums and differences of possible
/// ones don't overflow. What a driver says is untrusted.
[[nodiscard]] constexpr bool is_possible(const GpuInterval& interval) noexcept {
  return is_countable(interval.start) && is_countable(interval.end) &&
         interval.start <= interval.end;
}
/// Whether an interval can be told by the host's clock.
[[nodiscard]] bool is_possible(const GpuInterval& interval, const ClockOffset& clock) noexcept;
/// The same interval by the host's clock. It is possible.
[[nodiscard]] HostInterval host_interval(const GpuInterval& interval,
                                         const ClockOffset& clock) noexcept;

}  // namespace cbr::observe
