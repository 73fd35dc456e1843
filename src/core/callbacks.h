// What runs once work has ended: callbacks, coroutines, the letting go of kept objects.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include <cbr/ticket.h>
#include <cbr/types.h>

#include "core/backoff.h"
#include "core/callback_node.h"
#include "core/completion.h"
#include "core/ring_context.h"
#include "core/wait_strategy.h"

namespace cbr::detail {

/// One completion thread a queue, started when it is first needed. It waits in the backend for the
/// oldest submission that someone has given it something to do for, collects like everyone else,
/// and runs what hangs on it in the order of serials, with no lock held. It never frees slots in a
/// way that others could not.
class Callbacks {
 public:
  Callbacks(RingContext& ring, Retirement& retirement, const SpinThenBlock& strategy)
      : ring_(ring), retirement_(retirement), strategy_(strategy), threads_(ring.queue_count()) {}

  /// Starts the completion thread of a queue if there is none, which keeps `core`. Throws
  /// std::system_error if no thread can be had.
  void require_thread(QueueIndex queue, const std::shared_ptr<RingCore>& core)
      CBR_EXCLUDES(ring_.state);
  /// Has `continuation` run once the submission has ended; false if it has ended already. The
  /// queue's thread is there.
  bool add(Submission& submission, Continuation& continuation) CBR_EXCLUDES(ring_.state);
  /// Takes a continuation of this queue back. False if it has been run or was never added. Where
  /// it is just being run, by another thread, it waits for that.
  bool remove(Continuation& continuation, QueueIndex queue) noexcept CBR_EXCLUDES(ring_.state);
  /// Takes a callback back, as CallbackHandle::cancel, and the handle's reference with it.
  bool cancel(CallbackNode& node) noexcept CBR_EXCLUDES(ring_.state);
  /// Gives up a reference to a callback.
  void release(CallbackNode& node) noexcept CBR_EXCLUDES(ring_.state);

  /// Calls the callback; what it throws goes to the log sink.
  void run(const std::function<void(const Ticket&)>& callback, const Ticket& ticket) const noexcept
      CBR_EXCLUDES(ring_.state);

  /// The ring ends: runs what is left to be run, and ends the threads. One that a callback ends the
  /// ring on ends once that callback has returned.
  void stop() noexcept CBR_EXCLUDES(ring_.state);

 private:
  void start_completion_thread(QueueIndex queue, const std::shared_ptr<RingCore>& core)
      CBR_EXCLUDES(ring_.structure_mutex, ring_.state);
  void run_thread(RingQueue& queue) noexcept;
  /// Runs what hangs on one submission, and gives up the ring's reference to it.
  void see_to(Submission& submission) noexcept;
  /// The next of its continuations, after the one that was run last; null if there is none.
  Continuation* next_continuation(Submission& submission, CallbackNode* last) noexcept;
  /// Waits for watched work, and collects. Waits for a while if that fails.
  void wait_for_work(RingQueue& queue, SyncPoint point, std::uint64_t wake_number,
                     Backoff& backoff) noexcept;

  RingContext& ring_;
  Retirement& retirement_;
  const SpinThenBlock& strategy_;
  struct CompletionThreadHandle {
    /// Set last, so that it can be looked at without a lock.
    Atomic<bool> started = false;
    Thread thread;
  };
  /// One a queue; the ring's structure mutex guards the handles until stop() joins them.
  std::vector<CompletionThreadHandle> threads_;
};

/// True on a thread that is running callbacks of this ring, where nobody must wait for a slot of
/// it.
[[nodiscard]] bool runs_callbacks_of(const RingContext& ring);

}  // namespace cbr::detail
