// Python's seconds as nanoseconds.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace cbr::python {

/// Seconds, as Python's own waits take them. Throws InvalidOption, with the name, for what is not a
/// number.
[[nodiscard]] std::chrono::nanoseconds from_seconds(std::string_view name, double seconds);
/// The argument `timeout`; None is no limit.
[[nodiscard]] inline std::chrono::nanoseconds timeout_or_forever(
    const std::optional<double>& seconds) {
  return seconds ? from_seconds("timeout", *seconds) : std::chrono::nanoseconds::max();
}

}  // namespace cbr::python
