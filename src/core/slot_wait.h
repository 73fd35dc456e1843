// How a request gets a slot when none is free: in its turn, led by a thread that waits in the
// backend.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <span>

#include <cbr/types.h>

#include "core/admission.h"
#include "core/completion.h"
#include "core/ring_context.h"
#include "core/waiter_queue.h"
#include "core/waiting.h"

namespace cbr::detail {

/// Of the threads that wait for a slot, one leads: it waits in the backend for the oldest
/// submission of each queue, and on return does the book-keeping for everyone. The others sleep on
/// a condition variable each. A freed slot is handed to the first that may have it before anyone
/// else can see it, so that nobody overtakes.
///
/// While nothing is in flight, nobody leads: whoever submits next finds RingQueue::wanted, and
/// wakes the first. A leader that a slot is handed to, by a thread that discards a lease say, is
/// woken in the backend with its wake number.
///
/// The requests of AcquireRequests stand in the same queue; its thread waits for them, and leads,
/// like any other.
class SlotWait {
 public:
  SlotWait(RingContext& ring, Retirement& retirement, const SpinThenBlock& strategy)
      : ring_(ring), retirement_(retirement), strategy_(strategy) {}

  struct Result {
    /// The leased slot's record; null if there was none in time.
    Submission* submission = nullptr;
    /// What ended the wait, if something did. A slot that was handed over at the same moment is in
    /// `submission`, and has to be given up.
    std::exception_ptr failure = nullptr;
    std::chrono::nanoseconds waited{0};
  };
  /// A slot for the request, by the deadline. A `limited` request that finds none at once counts as
  /// one that waited and timed out, also if it may not wait. Throws what
  /// CommandBufferRing::acquire throws before it has waited.
  Result take(const SlotRequest& request, TimePoint deadline, bool limited)
      CBR_EXCLUDES(ring_.state);
  /// A slot that is free or whose work has ended, without waiting for one.
  Result look(const SlotRequest& request) CBR_EXCLUDES(ring_.state);

  // For those who wait.

  /// What a leader needs to know without the lock; empty for others.
  struct Leading {
    std::span<const SyncPoint> points = {};
    std::uint64_t wake_number = 0;
    Atomic<bool>* awake = nullptr;
    WaitingThread* thread = nullptr;

    explicit operator bool() const { return awake != nullptr; }
  };

  /// Tells, where the options ask for it, that a request waits.
  void report_waiting(SlotIndex in_the_way) const noexcept;
  /// Takes a place among the waiters; what may throw comes first. Its thread is set.
  void enter(RingState& state, Waiter& self);
  /// Gives up the place. The slot that it may have got is the caller's to give up.
  void leave(RingState& state, Waiter& self, FollowUp& follow_up);
  /// Makes `thread` the leader if there is none and something is in flight, and fills in `leading`
  /// then.
  void try_to_lead(RingState& state, WaitingThread& thread, Leading& leading);
  /// Waits in the backend for what is in flight, and collects.
  void lead(ThreadWait& wait, const Leading& leading) CBR_EXCLUDES(ring_.state);
  /// If nobody leads, and there is something to wait for in the backend, wakes someone who can.
  void pass_on_lead(RingState& state);

 private:
  /// Waits in the backend or for those who do, and looks what has come of it. True once it has
  /// left, with a slot or because its time is over.
  bool wait_once(Waiter& self, ThreadWait& wait, Leading& leading, FollowUp& follow_up);
  /// Sleeps as long as all of the points are foreseen not to have been reached. False if there is
  /// nothing to wait for in the backend any more.
  bool nap(ThreadWait& wait, const Leading& leading);
  /// Finds out what a leader has to wait for, and asks to be told of what is submitted later.
  void look_for_work(RingState& state);

  RingContext& ring_;
  Retirement& retirement_;
  const SpinThenBlock& strategy_;
};

}  // namespace cbr::detail
