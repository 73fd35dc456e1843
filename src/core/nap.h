// How long a thread may sleep before it waits in a driver that would take CPU time for it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <cbr/types.h>

#include "core/step_forecast.h"
#include "core/sync.h"

namespace cbr::detail {

/// How late sleeping threads wake on this machine, from sleeps of the past. Any thread may use it.
class WakeUpLateness {
 public:
  /// A thread was to wake at `wanted`, and did at `woken`.
  void measured(TimePoint wanted, TimePoint woken);
  /// What to reckon with.
  [[nodiscard]] std::chrono::nanoseconds expected() const {
    return std::chrono::nanoseconds(expected_ns_.load(std::memory_order_relaxed));
  }

 private:
  /// What Linux takes with its usual timer slack.
  Atomic<std::int64_t> expected_ns_ = 70'000;
};

/// Until when a thread that waits for the end of `estimate` sleeps, so that it is awake just before
/// it. Where `steps_behind` more steps are queued behind that one, the GPU has work meanwhile, and
/// `may_be_late` lets a part of their time pass too: nothing is lost, and nothing is left to wait
/// for. Empty if it is not worth it.
[[nodiscard]] std::optional<TimePoint> nap_end(const StepForecast::Estimate& estimate,
                                               std::uint64_t steps_behind, bool may_be_late,
                                               std::chrono::nanoseconds lateness, TimePoint now);

/// A sleep in pieces, between which its owner looks whether it still has reason to sleep. The first
/// is a sixteenth of the whole, a millisecond at most, and each is as long as all before it
/// together: there are few, and what is over early is noticed early. A short sleep is in one piece.
class NapPieces {
 public:
  NapPieces(TimePoint begin, TimePoint end);

  [[nodiscard]] TimePoint end() const { return end_; }
  /// When to look, or the end.
  [[nodiscard]] TimePoint next() const { return next_; }
  /// It has looked, at `now`.
  void looked(TimePoint now);

 private:
  TimePoint begin_;
  TimePoint end_;
  TimePoint next_;
};

}  // namespace cbr::detail
