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
/// The argument `timeout`; None, and more than a hundred years, is for ever.
[[nodiscard]] inline Timeout timeout_from(const std::optional<double>& seconds) {
  return seconds ? Timeout(from_seconds("timeout", *seconds)) : Timeout();
}

}  // namespace cbr::python
