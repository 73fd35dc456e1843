#include "durations.h"

#include <cmath>

#include <cbr/errors.h>

namespace cbr::python {

std::chrono::nanoseconds from_seconds(double seconds) {
  if (std::isnan(seconds)) throw InvalidOption("a time in seconds is nan");
  // Nanoseconds in 64 bits reach 292 years either way.
  constexpr double most = 9.2e9;
  if (seconds >= most) return std::chrono::nanoseconds::max();
  if (seconds <= 0) return std::chrono::nanoseconds(0);
  return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

}  // namespace cbr::python
