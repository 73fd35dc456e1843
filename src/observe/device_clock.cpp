#include "observe/device_clock.h"

#include <cstdint>
#include <limits>

namespace cbr::observe {
namespace {

/// 73 years: sums and differences of such times don't overflow.
constexpr std::int64_t longest_ns = std::int64_t{1} << 61;

bool fits(std::int64_t ns) {
  return ns > -longest_ns && ns < longest_ns;
}

}  // namespace

bool is_possible(const GpuInterval& interval) noexcept {
  return fits(interval.start.count()) && fits(interval.end.count()) &&
         interval.start <= interval.end;
}

bool is_possible(const GpuInterval& interval, const ClockOffset& clock) noexcept {
  return is_possible(interval) && fits(clock.offset.count()) && clock.deviation.count() >= 0 &&
         fits(clock.deviation.count());
}

HostInterval host_interval(const GpuInterval& interval, const ClockOffset& clock) noexcept {
  return {TimePoint(interval.start + clock.offset), TimePoint(interval.end + clock.offset),
          clock.deviation};
}

}  // namespace cbr::observe
