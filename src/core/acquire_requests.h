// Requests for a slot that no thread of the program waits for.
#pragma once

#include <chrono>
#include <memory>

#include "core/acquire_request.h"
#include "core/backoff.h"
#include "core/ring_context.h"
#include "core/slot_leasing.h"
#include "core/slot_wait.h"
#include "core/wait_strategy.h"
#include "core/waiting.h"

namespace cbr::detail {

/// They stand in the queue of waiters with the threads that wait. One thread of the library for
/// each ring, the acquire thread, waits for all of them: it is started when the first has to wait,
/// leads where no thread of the program does, looks after deadlines, begins the slots that they
/// were given, and tells the program, with no lock held.
class AcquireRequests {
 public:
  AcquireRequests(RingContext& ring, SlotLeasing& leasing, SlotWait& slot_wait,
                  const SpinThenBlock& strategy)
      : ring_(ring), leasing_(leasing), slot_wait_(slot_wait), strategy_(strategy) {}

  /// Has the request wait for a slot: true. False if it got one after all, which is then in
  /// `submission`, or if its time is over already. Starts the acquire thread if there is none,
  /// which keeps `core`. Throws std::system_error if it can't be had, and what SlotWait::enter
  /// throws; nothing has changed then. The caller makes a visit.
  bool enter(AcquireRequest& request, const std::shared_ptr<RingCore>& core,
             Submission*& submission) CBR_EXCLUDES(ring_.state);
  /// Turns the slot, or the lack of one, into the request's lease or failure.
  void answer(AcquireRequest& request, Submission* submission,
              std::chrono::nanoseconds waited) const noexcept CBR_EXCLUDES(ring_.state);
  /// Tells the coroutine or the callback; what these throw goes to the log sink.
  void run(AcquireRequest& request) const noexcept CBR_EXCLUDES(ring_.state);
  /// Takes a request back, and with it a slot that it was given. False if it was run or never
  /// asked. Where it is just being run, by another thread, this waits for that.
  bool cancel(AcquireRequest& request) noexcept CBR_EXCLUDES(ring_.state);

  /// The ring has closed: ends the thread once all requests have been told. If it is this very
  /// thread, it ends once the callback that ended the ring has returned.
  void stop() noexcept CBR_EXCLUDES(ring_.state);

 private:
  void require_thread(const std::shared_ptr<RingCore>& core)
      CBR_EXCLUDES(ring_.structure_mutex, ring_.state);
  void run_thread() noexcept;
  /// Ends the waits whose time is over, in one pass over those that wait.
  /// This thread has slept until then by the steady clock, if not `no_wait`: a virtual clock may
  /// have stood still meanwhile.
  void expire(RingState& state, TimePoint slept_until, FollowUp& follow_up);
  /// The next that can be answered, if there is one.
  [[nodiscard]] static AcquireRequest* next_to_answer(RingState& state);
  /// Takes a request from among those that wait, or that have been given a slot or run out of time.
  void take_out(RingState& state, AcquireRequest& request, FollowUp& follow_up);
  /// Until there is something to be done for a request; may return before. True if it lasted until
  /// then, by the steady clock.
  static bool sleep(StateAccess& state, TimePoint until);
  /// Waits in the backend for everyone.
  void lead(ThreadWait& wait, const SlotWait::Leading& leading, Backoff& backoff) noexcept
      CBR_EXCLUDES(ring_.state);
  /// Begins the request's slot, and tells the program.
  void see_to(AcquireRequest& request) noexcept CBR_EXCLUDES(ring_.state);

  RingContext& ring_;
  SlotLeasing& leasing_;
  SlotWait& slot_wait_;
  const SpinThenBlock& strategy_;
  /// Set last, so that it can be looked at without a lock.
  Atomic<bool> started_ = false;
  /// The ring's structure mutex guards it until stop() joins it.
  Thread thread_;
};

}  // namespace cbr::detail
