// Python's seconds as nanoseconds.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <cbr/types.h>

namespace cbr::python {

/// Seconds, as Python's own waits take them. Throws InvalidOption, with the name, for what is not a
/// number.
[[nodiscard]] std::chrono::nanoseconds from_seconds(std::string_view name, double seconds);
/// The seconds of a duration.
[[nodiscard]] inline double seconds_of(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}
/// A moment in seconds of its clock; nothing for one that nobody noted. By std::steady_clock these
/// are, on Linux, the seconds of time.monotonic().
[[nodiscard]] inline std::optional<double> moment_of(TimePoint moment) {
  if (moment == TimePoint{}) return std::nullopt;
  return seconds_of(moment.time_since_epoch());
}
/// The argument `timeout`; None, and more than a hundred years, is for ever.
[[nodiscard]] inline Timeout timeout_from(const std::optional<double>& seconds) {
  return seconds ? Timeout(from_seconds("timeout", *seconds)) : Timeout();
}

}  // namespace cbr::python
