// Counts what a ring does. Pure logic: the ring's lock guards it.
#pragma once

#include <chrono>
#include <cstdint>

#include <cbr/statistics.h>
#include <cbr/types.h>

namespace cbr::detail {

class StatisticsCounter {
 public:
  /// A counter that is not enabled counts nothing.
  explicit StatisticsCounter(bool enabled) : enabled_(enabled) {}

  void acquired() { acquisitions_ += enabled_; }
  /// Called before the thread blocks, so that a thread stuck for ever shows.
  void wait_started() { wait_events_ += enabled_; }
  void wait_ended(std::chrono::nanoseconds waited);
  void timed_out() { timeout_events_ += enabled_; }
  void submitted() { submissions_ += enabled_; }
  void ended(bool failed) { (failed ? failures_ : completions_) += enabled_; }
  void discarded() { discarded_ += enabled_; }
  void hang_reported() { hang_warnings_ += enabled_; }

  /// Starts anew, as if `leased` leases and `in_flight` submissions had just come in.
  void reset(std::uint32_t leased, std::uint32_t in_flight);

  /// Fills in every field that is counted or follows from counts; leaves the rest as it is.
  void read(RingStatistics& statistics) const;

 private:
  /// 1 or 0: adding it is cheaper than a branch.
  std::uint64_t enabled_;
  std::uint64_t acquisitions_ = 0;
  std::uint64_t wait_events_ = 0;
  std::uint64_t timeout_events_ = 0;
  std::uint64_t submissions_ = 0;
  std::uint64_t completions_ = 0;
  std::uint64_t failures_ = 0;
  std::uint64_t discarded_ = 0;
  std::uint64_t hang_warnings_ = 0;
  std::chrono::nanoseconds total_wait_{0};
  std::chrono::nanoseconds max_wait_{0};
};

}  // namespace cbr::detail
