#include "observe/statistics_counter.h"

#include <algorithm>

namespace cbr::detail {
namespace {

double milliseconds_of(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

void StatisticsCounter::wait_ended(std::chrono::nanoseconds waited) {
  total_wait_ += waited;
  max_wait_ = std::max(max_wait_, waited);
}

void StatisticsCounter::reset(std::uint64_t sent, std::uint64_t held) {
  const std::uint64_t in_flight = submissions(sent, held) - totals_.completions - totals_.failures;
  const std::uint64_t leased = totals_.acquisitions - submissions(sent, held) - totals_.discarded;
  before_ = totals_;
  before_.acquisitions -= leased + in_flight;
  before_.submissions = submissions(sent, held) - in_flight;
  total_wait_ = {};
  max_wait_ = {};
}

void StatisticsCounter::read(RingStatistics& statistics, std::uint64_t sent,
                             std::uint64_t held) const {
  const std::uint64_t submitted = submissions(sent, held);
  statistics.leased =
      static_cast<std::uint32_t>(totals_.acquisitions - submitted - totals_.discarded);
  statistics.in_flight =
      static_cast<std::uint32_t>(submitted - totals_.completions - totals_.failures);
  if (!enabled_) return;
  const std::uint64_t acquisitions = totals_.acquisitions - before_.acquisitions;
  const std::uint64_t wait_events = totals_.wait_events - before_.wait_events;
  statistics.total_acquisitions = acquisitions;
  statistics.submissions = submitted - before_.submissions;
  statistics.discarded = totals_.discarded - before_.discarded;
  statistics.total_releases = statistics.submissions + statistics.discarded;
  statistics.completions = totals_.completions - before_.completions;
  statistics.failures = totals_.failures - before_.failures;
  statistics.wait_events = wait_events;
  statistics.timeout_events = totals_.timeout_events - before_.timeout_events;
  statistics.hang_warnings = totals_.hang_warnings - before_.hang_warnings;
  // A wait that timed out acquired nothing, so waits can outnumber acquisitions.
  const std::uint64_t without_wait = acquisitions - std::min(acquisitions, wait_events);
  statistics.reuse_rate =
      acquisitions == 0 ? 1.0
                        : static_cast<double>(without_wait) / static_cast<double>(acquisitions);
  statistics.total_wait_ms = milliseconds_of(total_wait_);
  statistics.avg_wait_ms =
      wait_events == 0 ? 0.0 : statistics.total_wait_ms / static_cast<double>(wait_events);
  statistics.max_wait_ms = milliseconds_of(max_wait_);
}

}  // namespace cbr::detail
