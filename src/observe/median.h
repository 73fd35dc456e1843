// The middle of some durations. Pure logic.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace cbr::observe {

/// The larger of two middle ones; 0 if there are none.
inline std::chrono::nanoseconds median(std::vector<std::chrono::nanoseconds> values) {
  if (values.empty()) return std::chrono::nanoseconds(0);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace cbr::observe
