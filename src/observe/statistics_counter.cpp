#include "observe/statistics_counter.h"

#include <algorithm>

namespace cbr::detail {
namespace {

double to_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

void StatisticsCounter::wait_ended(std::chrono::nanoseconds waited) {
  if (enabled_ == 0) return;
  total_wait_ += waited;
  max_wait_ = std::max(max_wait_, waited);
}

void StatisticsCounter::reset(std::uint32_t leased, std::uint32_t in_flight) {
  *this = StatisticsCounter(enabled_ != 0);
  if (enabled_ == 0) return;
  acquisitions_ = std::uint64_t{leased} + in_flight;
  submissions_ = in_flight;
}

void StatisticsCounter::read(RingStatistics& statistics) const {
  statistics.total_acquisitions = acquisitions_;
  statistics.total_releases = submissions_ + discarded_;
  statistics.wait_events = wait_events_;
  statistics.timeout_events = timeout_events_;
  // A wait that timed out acquired nothing, so waits can outnumber acquisitions.
  const std::uint64_t without_wait = acquisitions_ - std::min(acquisitions_, wait_events_);
  statistics.reuse_rate =
      acquisitions_ == 0 ? 1.0
                         : static_cast<double>(without_wait) / static_cast<double>(acquisitions_);
  statistics.total_wait_ms = to_ms(total_wait_);
  statistics.avg_wait_ms =
      wait_events_ == 0 ? 0.0 : statistics.total_wait_ms / static_cast<double>(wait_events_);
  statistics.max_wait_ms = to_ms(max_wait_);
  statistics.submissions = submissions_;
  statistics.completions = completions_;
  statistics.failures = failures_;
  statistics.discarded = discarded_;
  statistics.hang_warnings = hang_warnings_;
}

}  // namespace cbr::detail
