// How a thread waits: until when, in what way, and what it does in between.
#pragma once

#include <cstdint>
#include <span>

#include <cbr/backend.h>
#include <cbr/types.h>

#include "core/ring_context.h"
#include "core/wait_strategy.h"

namespace cbr::detail {

/// Whether RingOptions::interrupt_check may end a wait.
enum class Interruptible : std::uint8_t { no, yes };

/// One wait of one thread, in as many pieces as it takes. It is the only place that calls
/// RingOptions::interrupt_check, about every 50 ms and with no lock held; what that throws comes
/// out of pause() or in_backend().
class ThreadWait {
 public:
  /// The deadline counts by the backend's clock.
  ThreadWait(RingContext& ring, const SpinThenBlock& strategy, TimePoint deadline,
             Interruptible interruptible = Interruptible::yes);

  [[nodiscard]] bool expired() const;
  [[nodiscard]] TimePoint deadline() const { return deadline_; }

  /// Sleeps until `changed` is notified, until the deadline, or until it is time for pause(); may
  /// return before. To be called again and again, with pause() in between and the state looked at
  /// each time.
  void sleep(StateAccess& state, ConditionVariable& changed);
  /// The same before a wait in the backend, and at most until `until`; false once that has passed,
  /// or the deadline. Where it slept through it, it notes how late it woke.
  bool nap(StateAccess& state, ConditionVariable& changed, TimePoint until);
  /// Between two sleeps, with no lock held.
  void pause();

  /// Waits in the backend as Backend::wait, in the way of the ring's strategy.
  WaitStatus in_backend(std::span<const SyncPoint> points, std::uint64_t wake_number)
      CBR_EXCLUDES(ring_.state);

 private:
  RingContext& ring_;
  const SpinThenBlock& strategy_;
  const TimePoint deadline_;
  const bool checks_interrupts_;
  /// By the steady clock.
  TimePoint next_check_ = no_deadline;
  /// A sleep has lasted to the deadline, whatever a virtual clock says.
  bool slept_through_ = false;
};

}  // namespace cbr::detail
