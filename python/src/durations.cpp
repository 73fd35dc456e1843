#include "durations.h"

#include <cmath>

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::python {

std::chrono::nanoseconds from_seconds(std::string_view name, double seconds) {
  if (std::isnan(seconds)) {
    throw InvalidOption(fmt::format("{} is nan, a number of seconds is needed", name));
  }
  // Nanoseconds in 64 bits reach 292 years either way.
  constexpr double most = 9.2e9;
  if (seconds >= most) return std::chrono::nanoseconds::max();
  if (seconds <= 0) return std::chrono::nanoseconds(0);
  return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

}  // namespace cbr::python
