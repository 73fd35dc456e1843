#include "core/nap.h"

#include <algorithm>

namespace cbr::detail {
namespace {

/// Shorter sleeps cost as much CPU time as they save.
constexpr std::chrono::nanoseconds shortest = std::chrono::microseconds(20);
constexpr std::chrono::nanoseconds most_lateness = std::chrono::milliseconds(1);

}  // namespace

void WakeUpLateness::measured(TimePoint wanted, TimePoint woken) {
  const std::int64_t late = std::clamp<std::chrono::nanoseconds>(
                                woken - wanted, std::chrono::nanoseconds(0), most_lateness)
                                .count();
  const std::int64_t old = expected_ns_.load(std::memory_order_relaxed);
  // Up at once, down slowly: to be early costs a little CPU time, to be late costs the GPU's.
  const std::int64_t next = late > old ? old + (late - old) / 4 : old - (old - late) / 32;
  expected_ns_.store(next, std::memory_order_relaxed);
}

std::optional<TimePoint> nap_end(const StepForecast::Estimate& estimate, std::uint64_t steps_behind,
                                 bool may_be_late, std::chrono::nanoseconds lateness,
                                 TimePoint now) {
  TimePoint end = estimate.end - lateness - 2 * estimate.deviation;
  if (may_be_late && steps_behind > 0) {
    // Half of what is queued behind is left for the program to record the next step in.
    const auto queued = static_cast<std::int64_t>(steps_behind) * estimate.step;
    end = std::max(end, end + queued / 2);
  }
  if (end - now < shortest) return std::nullopt;
  return end;
}

}  // namespace cbr::detail
