#include "backends/metal/gpu_times.h"

#include <cmath>
#include <cstdint>
#include <limits>

namespace cbr::metal {
namespace {

std::optional<std::chrono::nanoseconds> possible_time(double seconds) {
  const double ns = seconds * 1e9;
  // Written so that "not a number" is no time either. The limit is 2^63 as a double, which is one
  // more than the largest value.
  if (!(ns >= 1 && ns < static_cast<double>(std::numeric_limits<std::int64_t>::max()))) {
    return std::nullopt;
  }
  return std::chrono::nanoseconds(std::llround(ns));
}

}  // namespace

RunTimes run_times(double start, double end) {
  const auto began = possible_time(start);
  const auto ended = possible_time(end);
  if (!ended || (began && *ended < *began)) return {};
  if (!began) return {std::nullopt, ended};
  return {GpuInterval{*began, *ended}, ended};
}

}  // namespace cbr::metal
