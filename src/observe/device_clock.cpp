#include "observe/device_clock.h"

namespace cbr::observe {

bool is_possible(const GpuInterval& interval, const ClockOffset& clock) noexcept {
  return is_possible(interval) && is_countable(clock.offset) && clock.deviation.count() >= 0 &&
         is_countable(clock.deviation);
}

HostInterval host_interval(const GpuInterval& interval, const ClockOffset& clock) noexcept {
  return {TimePoint(interval.start + clock.offset), TimePoint(interval.end + clock.offset),
          clock.deviation};
}

}  // namespace cbr::observe
