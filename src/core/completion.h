// How a ring learns that work has ended, that it failed, or that the device is lost.
#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <utility>

#include <cbr/errors.h>
#include <cbr/types.h>

#include "core/predecessors.h"
#include "core/ring_context.h"
#include "core/wait_strategy.h"
#include "core/waiting.h"

namespace cbr::detail {

/// A request that takes a slot in the same breath in which one gets free, if nobody comes before
/// it.
struct SlotSeeker {
  explicit SlotSeeker(const SlotRequest& its_request) : request(its_request) {}
  const SlotRequest& request;
  /// Its lease's record, once it has one.
  Submission* submission = nullptr;
  /// There was no memory for that.
  std::exception_ptr failure = nullptr;
};

/// No thread in the background is needed for a ring to move on: whoever needs a completion asks the
/// backend, and does the book-keeping for everyone. All functions may be called by any thread that
/// holds none of the ring's locks.
class Retirement {
 public:
  Retirement(RingContext& ring, const SpinThenBlock& strategy)
      : ring_(ring), strategy_(strategy), predecessors_(ring) {}

  /// What to do where another thread is at it already.
  enum class Turn : std::uint8_t {
    /// Wait for it; it won't take long. Everything that has ended by now is retired afterwards.
    wait,
    /// Leave it to that thread: for calls that must not wait.
    skip,
  };
  /// Notices what has ended on a queue, records how, and hands the slots on. What waited for other
  /// work has not ended before that is known to have: that is looked at too, and with Turn::wait
  /// given a moment. Returns false if it holds up what has ended on this queue. Throws DeviceLost,
  /// once that is final, and what else the backend throws.
  bool collect(RingQueue& queue, Turn turn = Turn::wait, SlotSeeker* seeker = nullptr)
      CBR_EXCLUDES(ring_.state);
  void collect_all(Turn turn, SlotSeeker* seeker = nullptr) CBR_EXCLUDES(ring_.state);

  /// Waits until a submission has ended, as its record will tell. False at the deadline. Throws
  /// what a wait of the backend throws, but for DeviceLost: then it has ended.
  bool wait(const Submission& submission, TimePoint deadline) CBR_EXCLUDES(ring_.state);
  /// The same without the backend, which another thread takes care of.
  bool wait_for_others(const Submission& submission, TimePoint deadline) CBR_EXCLUDES(ring_.state);
  /// The same, for a moment of the time that passes.
  void wait_a_moment(const Submission& submission) CBR_EXCLUDES(ring_.state);
  /// The same on a virtual clock, where time passes only while someone waits in the backend. The
  /// driver has the submission.
  void let_time_pass(const Submission& submission) noexcept CBR_EXCLUDES(ring_.state);
  /// As ThreadWait::in_backend; a DeviceLost of the backend becomes final, and goes on as the first
  /// cause.
  WaitStatus wait_in_backend(ThreadWait& wait, std::span<const SyncPoint> points,
                             std::uint64_t wake_number) CBR_EXCLUDES(ring_.state);
  /// Waits until everything up to `serial` has been retired.
  void wait_serial(RingQueue& queue, Serial serial, Interruptible interruptible)
      CBR_EXCLUDES(ring_.state);

  /// Makes the loss of the device final: everything in flight or held fails with it, everyone who
  /// waits wakes up. Returns the cause that counts, which is the first.
  std::exception_ptr lose(const std::exception_ptr& cause) noexcept CBR_EXCLUDES(ring_.state);
  /// Runs `call`; a DeviceLost that it throws becomes final, and goes on as the first cause.
  template <typename Call>
  auto guarded(Call&& call) CBR_EXCLUDES(ring_.state) {
    try {
      return std::forward<Call>(call)();
    } catch (const DeviceLost&) {
      std::rethrow_exception(lose(std::current_exception()));
    }
  }
  /// After a submission that may have come too late for lose() to see: fails it if the device is
  /// lost.
  void fail_late(RingQueue& queue) noexcept CBR_EXCLUDES(ring_.state);

 private:
  struct Batch;
  /// One batch; a full one may leave more.
  void retire(RingQueue& queue, Serial completed, Batch& batch, SlotSeeker* seeker)
      CBR_REQUIRES(queue.retire_mutex);
  void finish(Submission& submission, Batch& batch) noexcept;
  /// Completes the stories of the submissions up to `end`, which finish() has seen to.
  void note_times(RingQueue& queue, Serial end, TimePoint noticed, Batch& batch) const
      CBR_REQUIRES(queue.retire_mutex);
  /// Up to where outcomes can be told, of what has been claimed up to `end`: before the first
  /// submission that waited for one whose outcome isn't known, which `batch` gets.
  Serial before_unresolved(RingQueue& queue, Serial end, Batch& batch) const
      CBR_REQUIRES(queue.retire_mutex);
  /// Has that submission's ring look. False if its outcome isn't known yet.
  [[nodiscard]] bool resolve(const Ticket& ticket, Turn turn) const CBR_EXCLUDES(ring_.state);
  /// False if the device was known to be lost.
  bool record_loss(RingState& state, const std::exception_ptr& cause, FollowUp& follow_up);
  /// Sleeps as long as the submission is foreseen to run, and not longer than it does.
  void nap(const Submission& submission, SyncPoint point, ThreadWait& wait);
  bool wait_until_sent(const Submission& submission, ThreadWait& wait);

  RingContext& ring_;
  const SpinThenBlock& strategy_;
  const Predecessors predecessors_;
};

}  // namespace cbr::detail
