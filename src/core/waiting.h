// How a thread waits: until when, in what way, and what it does in between.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include <cbr/backend.h>
#include <cbr/types.h>

#include "core/nap.h"
#include "core/ring_context.h"
#include "core/wait_strategy.h"

namespace cbr::detail {

/// Whether RingOptions::interrupt_check may end a wait.
enum class Interruptible : std::uint8_t { no, yes };

/// One wait of one thread, in as many pieces as it takes. It is the only place that calls
/// RingOptions::interrupt_check, about every 50 ms and with no lock held; what that throws comes
/// out of pause(), nap() or in_backend().
class ThreadWait {
 public:
  /// The deadline counts by the backend's clock.
  ThreadWait(RingContext& ring, const SpinThenBlock& strategy, TimePoint deadline,
             Interruptible interruptible = Interruptible::yes);

  [[nodiscard]] bool expired() const;
  /// The interrupt check has thrown: what it threw is neither a failure of the backend nor the loss
  /// of this device, whatever it looks like.
  [[nodiscard]] bool interrupted() const { return interrupted_; }

  /// Sleeps until `changed` is notified, until the deadline, or until it is time for pause(); may
  /// return before. To be called again and again, with pause() in between and the state looked at
  /// each time.
  void sleep(StateAccess& state, ConditionVariable& changed);
  /// Sleeps before a wait in the backend: until `changed` is notified, `until` at most. Only on
  /// clocks that pass by themselves, see RingContext::naps. A forecast may be wrong, so it looks
  /// now and then, with no lock held: work that takes less time than was foreseen is noticed within
  /// double that time, or a millisecond. `over` is asked under the lock, and whoever makes it true
  /// notifies. Where it slept to the end, it notes how late it woke. False if it is over, true if
  /// it is time to wait in the backend.
  template <typename Over, typename Look>
  bool nap(ConditionVariable& changed, TimePoint until, const Over& over, const Look& look)
      CBR_EXCLUDES(ring_.state);
  /// Between two sleeps, with no lock held.
  void pause();

  /// Waits in the backend as Backend::wait, in the way of the ring's strategy.
  WaitStatus in_backend(std::span<const SyncPoint> points, std::uint64_t wake_number)
      CBR_EXCLUDES(ring_.state);
  /// The same, without waiting: whether a wait would return at once.
  [[nodiscard]] bool look(std::span<const SyncPoint> points, std::uint64_t wake_number) const
      CBR_EXCLUDES(ring_.state);

 private:
  RingContext& ring_;
  const SpinThenBlock& strategy_;
  const TimePoint deadline_;
  const bool checks_interrupts_;
  /// By the steady clock.
  TimePoint next_check_ = no_deadline;
  bool interrupted_ = false;
  /// A sleep has lasted to the deadline, whatever a virtual clock says.
  bool slept_through_ = false;
};

template <typename Over, typename Look>
bool ThreadWait::nap(ConditionVariable& changed, TimePoint until, const Over& over,
                     const Look& look) {
  NapPieces pieces(Clock::now(), std::min(until, deadline_));
  for (;;) {
    {
      StateAccess state(ring_.state);
      if (over(*state)) return false;
      if (Clock::now() >= pieces.end()) return true;
      const TimePoint wake_up = std::min(pieces.next(), next_check_);
      const bool notified = state.wait_until(changed, wake_up);
      if (over(*state)) return false;
      if (!notified && wake_up == pieces.end()) {
        ring_.lateness.measured(wake_up, Clock::now());
        return true;
      }
    }
    if (look()) return true;
    pieces.looked(Clock::now());
    pause();
  }
}

}  // namespace cbr::detail
