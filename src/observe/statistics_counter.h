// Counts what a ring does. Pure logic: the ring's state mutex guards it.
#pragma once

#include <chrono>
#include <cstdint>

#include <cbr/statistics.h>
#include <cbr/types.h>

namespace cbr::detail {

/// What can be counted in two ways is counted in one, and the rest is reckoned from that: so the
/// equations of RingStatistics hold at every moment, whatever happens between two calls. Sent
/// submissions are not counted here at all, but by the serials.
class StatisticsCounter {
 public:
  /// A counter that is not enabled reports zeros, but for what is leased and in flight.
  explicit StatisticsCounter(bool enabled) : enabled_(enabled) {}

  void acquired() { ++totals_.acquisitions; }
  /// Called before the thread blocks, so that a thread stuck for ever shows.
  void wait_started() { ++totals_.wait_events; }
  void wait_ended(std::chrono::nanoseconds waited);
  void timed_out() { ++totals_.timeout_events; }
  /// A submission ends that a sequence held back, and that was never sent.
  void submitted_unsent() { ++totals_.unsent; }
  void ended(bool failed) { ++(failed ? totals_.failures : totals_.completions); }
  void discarded() { ++totals_.discarded; }
  void hang_reported() { ++totals_.hang_warnings; }

  /// Starts anew, as if what is leased or in flight at this moment had just come in. `sent` and
  /// `held` are the submissions that the driver has had and that sequences hold back.
  void reset(std::uint64_t sent, std::uint64_t held);

  /// Fills in every field that is counted or follows from counts; leaves the rest as it is.
  void read(RingStatistics& statistics, std::uint64_t sent, std::uint64_t held) const;

 private:
  struct Totals {
    std::uint64_t acquisitions = 0;
    std::uint64_t unsent = 0;
    std::uint64_t completions = 0;
    std::uint64_t failures = 0;
    std::uint64_t discarded = 0;
    std::uint64_t wait_events = 0;
    std::uint64_t timeout_events = 0;
    std::uint64_t hang_warnings = 0;
    /// Taken at a reset only; otherwise it follows from the serials.
    std::uint64_t submissions = 0;
  };
  [[nodiscard]] std::uint64_t submissions(std::uint64_t sent, std::uint64_t held) const {
    return sent + held + totals_.unsent;
  }

  bool enabled_;
  /// Since the ring was made, and what of that a reset took away.
  Totals totals_;
  Totals before_;
  std::chrono::nanoseconds total_wait_{0};
  std::chrono::nanoseconds max_wait_{0};
};

}  // namespace cbr::detail
