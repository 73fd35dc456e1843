// What the parts of a ring share: its options, its backend, and the state behind its lock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <cbr/backend.h>
#include <cbr/errors.h>
#include <cbr/observer.h>
#include <cbr/options.h>

#include "core/gate.h"
#include "core/nap.h"
#include "core/ring_log.h"
#include "core/ring_state.h"
#include "core/sync.h"

namespace cbr::detail {

using StateAccess = Access<RingState>;

/// For tests, before there is a ring: whatever may be gathered is, for a millisecond, however
/// little the GPU has to do.
inline bool gathers_regardless = false;

/// The locks of a ring, in the order in which they are taken:
///
///     sizing mutex              one thread at a time chooses the ring's size (resizing.h)
///     structure mutex           one thread at a time makes or removes slots and threads
///     RingQueue::submit_mutex   serial order is submission order
///     RingQueue::retire_mutex   slots are passed on in serial order
///     state                     everything else; held for a few instructions
///
/// Nothing waits, calls a driver or runs a user's code with the state locked. The others are held
/// across calls of the backend that don't block, as backend.h says; user's code runs with none.
struct RingContext {
  RingContext(std::shared_ptr<Backend> its_backend, RingOptions its_options, RingCore& core);

  /// Does what a change of the state left to be done.
  void follow_up(FollowUp& follow_up) noexcept CBR_EXCLUDES(state, structure_mutex) {
    // Nearly always.
    if (!follow_up.empty()) see_to(follow_up);
  }
  /// The same, where there is something.
  void see_to(FollowUp& follow_up) noexcept CBR_EXCLUDES(state, structure_mutex);
  /// Ends the waits in the backend up to this number; 0 ends none.
  void wake(std::uint64_t wake_number) const noexcept CBR_EXCLUDES(state);
  /// Destroys the native objects of slots that have left the ring, unless another thread has the
  /// structure mutex: whoever lets go of that calls this.
  void sweep_outside_slots() noexcept CBR_EXCLUDES(state, structure_mutex);
  /// The same, by who has it.
  void remove_outside_slots() noexcept CBR_EXCLUDES(state) CBR_REQUIRES(structure_mutex);
  /// Until when to sleep before waiting in the backend for this point, by the backend's clock;
  /// empty if that is not known, or not worth it. `may_be_late` as for nap_end().
  [[nodiscard]] std::optional<TimePoint> nap_before(RingState& its_state, SyncPoint point,
                                                    bool may_be_late);
  /// Hands to the driver what the queues of these points have gathered, as far as it has to be
  /// there for them to be reached. Throws what Backend::flush throws.
  void send_gathered(std::span<const SyncPoint> points) CBR_EXCLUDES(state);
  /// The same of one queue, all of it.
  void send_gathered(RingQueue& queue) CBR_EXCLUDES(state);
  /// The same, unless another thread is submitting to it just now. What fails, but for the loss of
  /// the device, is still gathered, and sent later: for calls that neither wait nor concern it.
  void try_send_gathered(RingQueue& queue) CBR_EXCLUDES(state);
  /// The same of all queues, as far as it is due at `now`. Returns when it is to be called next.
  /// Throws DeviceLost.
  TimePoint send_due(TimePoint now) CBR_EXCLUDES(state);
  /// The driver has everything up to `serial`, what the queue gathered included, as of now.
  void note_sent(RingQueue& queue, Serial serial) CBR_REQUIRES(queue.submit_mutex)
      CBR_EXCLUDES(state);
  /// Notes what a backend with a virtual clock has handed over by itself when it was due. Throws
  /// what Backend::flush throws.
  void settle_due(RingQueue& queue) CBR_REQUIRES(queue.submit_mutex) CBR_EXCLUDES(state);
  /// Whether this thread is in the ring's end, and so runs an observer there. What others leave to
  /// the ring's end, it has to do itself.
  [[nodiscard]] bool ends_here() const { return ending_on.load() == this_thread_id(); }
  /// Throws in a child that was forked off.
  void require_same_process() const;
  /// Throws InvalidOption if the backend has no such queue; `who` asks for it.
  void require_queue(std::optional<QueueIndex> queue, std::string_view who) const;
  /// Throws the cause of the loss, or InvalidUsage once the ring's end has begun.
  void require_usable() CBR_EXCLUDES(state);

  template <typename Event>
  void observe(void (Observer::*function)(const Event&) noexcept, const Event& event) const {
    if (options.observer != nullptr) (options.observer.get()->*function)(event);
  }
  /// The time, if submissions note it.
  [[nodiscard]] TimePoint noted_now() const { return notes_times ? backend->now() : TimePoint{}; }
  [[nodiscard]] RingQueue& queue(QueueIndex index) { return queues[to_number(index)]; }
  [[nodiscard]] std::uint32_t queue_count() const {
    return static_cast<std::uint32_t>(queues.size());
  }

  const RingOptions options;
  const std::shared_ptr<Backend> backend;
  /// The device that submissions can wait for on the GPU; null where they can't. Set once, before
  /// there is any.
  const void* gpu_waits_on = nullptr;
  /// Threads sleep as far as they can foresee the end of their wait: WaitStrategy::adaptive, where
  /// the backend spins.
  const bool naps;
  /// Submissions note when they were made.
  const bool notes_submit_times;
  /// They note all of SubmissionTimes: the statistics or an observer can use it.
  const bool notes_times;
  /// Submissions may be gathered.
  const bool coalesces;
  WakeUpLateness lateness;
  Gate gate;
  RingLog log;
  Mutex structure_mutex;
  std::vector<RingQueue> queues;
  /// A hint: no slot was free when the state was last locked.
  Atomic<bool> full = false;
  /// A hint: there are steps to choose a size by.
  Atomic<bool> sizing_due = false;
  /// True once the device is lost or the ring ends: lets a submission look without the state.
  Atomic<bool> stopped = false;
  /// The thread that is in the ring's end, as long as the backend is attached.
  Atomic<Thread::id> ending_on = Thread::id();
  Atomic<std::uint32_t> ring_size;
  Guarded<RingState> state;

 private:
  void flush(RingQueue& queue) CBR_REQUIRES(queue.submit_mutex) CBR_EXCLUDES(state);
  [[nodiscard]] bool is_sent_by_backend(const RingQueue& queue) const
      CBR_REQUIRES(queue.submit_mutex);
  void note_due_as_sent(RingQueue& queue) CBR_REQUIRES(queue.submit_mutex) CBR_EXCLUDES(state);
  void note_sent(RingQueue& queue, Serial serial, TimePoint at) CBR_REQUIRES(queue.submit_mutex)
      CBR_EXCLUDES(state);
};

}  // namespace cbr::detail
