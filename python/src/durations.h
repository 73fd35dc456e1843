// Python's seconds as nanoseconds.
#pragma once

#include <chrono>
#include <optional>

namespace cbr::python {

/// Seconds, as Python's own waits take them; None is no limit. Throws InvalidOption for what is not
/// a number.
[[nodiscard]] std::chrono::nanoseconds from_seconds(double seconds);
[[nodiscard]] inline std::chrono::nanoseconds from_seconds_or_forever(
    const std::optional<double>& seconds) {
  return seconds ? from_seconds(*seconds) : std::chrono::nanoseconds::max();
}

}  // namespace cbr::python
