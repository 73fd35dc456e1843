#include "backends/metal/gpu_times.h"

#include <cmath>
#include <cstdint>
#include <ctime>
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

ClockOffset host_clock() noexcept {
  // Times are doubles of seconds: two months of uptime leave half a microsecond of them.
  constexpr std::chrono::nanoseconds rounding(1'000);
#ifdef __APPLE__
  const auto before = Clock::now().time_since_epoch();
  const std::chrono::nanoseconds gpu(
      static_cast<std::int64_t>(clock_gettime_nsec_np(CLOCK_UPTIME_RAW)));
  const auto after = Clock::now().time_since_epoch();
  const std::chrono::nanoseconds half = (after - before) / 2;
  return {before + half - gpu, half + rounding};
#else
  // The fake's GPU has the host's clock.
  return {std::chrono::nanoseconds(0), rounding};
#endif
}

}  // namespace cbr::metal
