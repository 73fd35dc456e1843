// The time that passes, as far as the core decides by it, and not by the backend's clock.
#pragma once

#include <chrono>

#include <cbr/types.h>

#ifdef CBR_SCHEDULED
#include "scheduling/scheduler.h"
#endif

namespace cbr::detail {

/// By the steady clock; in the build that explores schedules, by one that is the same each time a
/// schedule is replayed.
inline TimePoint steady_now() {
#ifdef CBR_SCHEDULED
  const auto* const scheduler = test::Scheduler::current();
  return TimePoint(std::chrono::microseconds(scheduler != nullptr ? scheduler->steps() : 0));
#else
  return Clock::now();
#endif
}

}  // namespace cbr::detail
