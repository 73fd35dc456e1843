// The ring behind CommandBufferRing, Lease, Sequence and Ticket: locks and waiting.
//
// Kinds of lock, always taken in this order:
//
//   resize mutex                 one thread at a time makes or removes slots
//   submit mutex (one a queue)   serial order is submission order: held from taking the serial
//                                until the submission is recorded, native submit included
//   state mutex                  everything else; held for a few instructions, never across a call
//                                of the backend that can block, a log line or the user's code
//
// No thread in the background is needed for the ring to move on. A thread that needs a completion
// asks the backend, and does the book-keeping for everyone (collect). Of the threads that wait for
// a slot, one, the leader, waits in the backend; the others sleep until a slot is handed to them. A
// freed slot goes straight to a waiter, so nobody overtakes. Where callbacks or kept objects wait
// for the end of work, a completion thread a queue waits too, and does nothing else for the ring.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <cbr/backend.h>
#include <cbr/errors.h>
#include <cbr/leak.h>
#include <cbr/lease.h>
#include <cbr/observer.h>
#include <cbr/options.h>
#include <cbr/statistics.h>
#include <cbr/ticket.h>
#include <cbr/types.h>

#include "core/admission.h"
#include "core/completion_queue.h"
#include "core/process_guard.h"
#include "core/ring_log.h"
#include "core/sequence_record.h"
#include "core/slot_table.h"
#include "core/submission_pool.h"
#include "core/sync.h"
#include "core/timeline.h"
#include "core/wait_strategy.h"
#include "core/waiter_queue.h"
#include "core/watchdog.h"
#include "observe/statistics_counter.h"

namespace cbr::detail {

/// Throws InvalidOption if a ring of these options can't have this size on this many queues.
void check_ring_size(const RingOptions& options, std::uint32_t ring_size,
                     std::uint32_t queue_count);

class RingCore : public std::enable_shared_from_this<RingCore> {
 public:
  RingCore(std::shared_ptr<Backend> backend, RingOptions options);
  RingCore(const RingCore&) = delete;
  RingCore& operator=(const RingCore&) = delete;
  ~RingCore() = default;

  // The ring's side.

  /// Takes a slot and begins it. Empty if the deadline passes; a deadline in the past doesn't wait.
  /// `sequence` may be null.
  std::optional<Lease> acquire(const AcquireOptions& options,
                               const std::shared_ptr<SequenceRecord>* sequence, TimePoint deadline,
                               const std::source_location& where);
  /// The same under the limit of the request or of the ring. Throws AcquireTimeout.
  Lease acquire_in_time(const AcquireOptions& options,
                        const std::shared_ptr<SequenceRecord>* sequence,
                        const std::source_location& where);
  /// A new sequence, on the least busy queue if none is named.
  std::shared_ptr<SequenceRecord> make_sequence(std::optional<QueueIndex> queue);
  void drain();
  void set_ring_size(std::uint32_t ring_size);
  RingStatistics statistics();
  void reset_statistics();
  /// Ends the ring: drains, gives up what is still leased, detaches. Leases and tickets stay safe.
  void close() noexcept;

  [[nodiscard]] const RingOptions& options() const noexcept { return options_; }
  [[nodiscard]] Backend& backend() const noexcept { return *backend_; }
  [[nodiscard]] const RingLog& log() const noexcept { return log_; }
  [[nodiscard]] std::uint32_t ring_size() const noexcept { return ring_size_; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept { return queue_count_; }
  [[nodiscard]] std::chrono::nanoseconds spin_limit() const { return waiting_.spin_limit(); }
  /// `timeout` from now by the backend's clock, without overflow.
  [[nodiscard]] TimePoint deadline_after(std::chrono::nanoseconds timeout) const;

  // The lease's side. The submission is the lease's own until it ends here.

  /// `self` is the lease's reference to this ring; it goes on into the ticket.
  Ticket submit(Submission& submission, const std::source_location& where,
                std::shared_ptr<RingCore> self);
  void discard(Submission& submission) noexcept;
  void keep_alive(Submission& submission, std::shared_ptr<const void> object);
  void set_label(Submission& submission, std::string_view label);
  /// Reports a lease that was dropped. Call before discard.
  void report_abandoned(const Submission& submission) noexcept;

  // The ticket's side.

  /// Returns false at the deadline. Throws nothing of the submission's own failure.
  bool wait(const Submission& submission, TimePoint deadline);
  /// True once the submission has ended. Asks the backend, but doesn't wait.
  bool poll(const Submission& submission);
  /// Waits until one of these submissions has ended, all of them this ring's. Returns its index, or
  /// nothing at the deadline.
  std::optional<std::size_t> wait_any(std::span<const Submission* const> submissions,
                                      TimePoint deadline);
  /// Has `continuation` run once the submission has ended; false if it has ended already.
  bool add_continuation(Submission& submission, Continuation& continuation);
  /// Drops one ticket's reference.
  void release(Submission& submission) noexcept;

  // The background threads' side.

  /// What a completion thread runs: the callbacks of a queue, until the ring ends.
  void run_completions(QueueIndex queue);

 private:
  /// A leader's wait, as others need to know it in order to end it.
  struct Lead {
    Waiter* waiter = nullptr;
    /// 0 while the leader is not in the backend.
    std::uint64_t wake_number = 0;
    /// What it waits for, one point a queue at most.
    std::vector<SyncPoint> points;
  };

  /// A call that a ticket or lease makes in the backend, and that the ring's end waits for: they
  /// may outlive the ring, but the backend's objects don't.
  class Visit {
   public:
    explicit Visit(RingCore& core);
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    ~Visit();
    /// False if the ring has ended: the backend must not be called.
    [[nodiscard]] bool allowed() const { return allowed_; }

   private:
    RingCore& core_;
    bool allowed_;
  };

  // Waiting that options_.interrupt_check can end (ring_interrupt.cpp). What it throws comes out.
  enum class Interruptible : std::uint8_t { no, yes };
  [[nodiscard]] bool checks_interrupts(TimePoint deadline) const;
  /// Waits to be notified; may return without. False if the deadline passed. The state mutex is
  /// held by `lock`, but not where this throws.
  bool sleep(UniqueLock& lock, ConditionVariable& wake_up, TimePoint deadline);
  /// Waits in the backend, as Backend::wait. No lock is held.
  WaitStatus wait_interruptibly(std::span<const SyncPoint> points, std::uint64_t wake_number,
                                TimePoint deadline);

  // Acquiring (ring_acquire.cpp). The state mutex is held: by `lock` where it is a parameter.
  [[nodiscard]] SlotRequest check_request(const AcquireOptions& options,
                                          const std::shared_ptr<SequenceRecord>* sequence) const;
  std::optional<SlotIndex> take_slot(UniqueLock& lock, const SlotRequest& request,
                                     TimePoint deadline, std::chrono::nanoseconds& waited);
  std::optional<SlotIndex> wait_for_slot(UniqueLock& lock, const SlotRequest& request,
                                         TimePoint start, TimePoint deadline,
                                         std::chrono::nanoseconds& waited);
  /// Waits once, as leader or as follower. False if the deadline passed.
  bool lead(UniqueLock& lock, Waiter& self, TimePoint deadline);
  /// Leases the free slot that the request may have, if there is one.
  std::optional<SlotIndex> lease_free_slot(const SlotRequest& request);
  void lease_slot(SlotIndex slot, const SlotRequest& request);
  /// Throws if the device is lost or the ring closed.
  void require_usable() const;
  /// Throws in a child that was forked off.
  void require_same_process() const;
  [[noreturn]] void throw_timeout(std::chrono::nanoseconds waited, std::chrono::nanoseconds limit);
  // These return the number with which to wake the leader once the lock is free, or 0.
  /// Hands free slots to waiters.
  [[nodiscard]] std::uint64_t serve_waiters();
  /// Tells a leader that waits on other queues only that `queue` has work now.
  [[nodiscard]] std::uint64_t note_new_point(QueueIndex queue);

  // Submitting (ring_submit.cpp).
  /// What an observer is told of work that was held back, and whether the driver refused it.
  using HeldEvents = std::vector<std::pair<SubmitEvent, bool>>;
  /// No lock is held.
  void tell(const HeldEvents& events) const;
  /// Tells the backend that a recording is given up, unless the ring has ended. No lock is held.
  void discard_recording(SlotIndex slot) noexcept;
  /// Gives up the slot of a lease that is not submitted. No lock is held.
  void end_unsubmitted(Submission& submission) noexcept;
  /// The native submit and its record. The queue's submit mutex is held; `wake_number` is raised.
  void send(SlotIndex slot, Submission& submission, std::uint64_t& wake_number);
  /// Makes a submission wait for its turn in its sequence; false if it is its turn. The queue's
  /// submit mutex is held.
  bool hold_back(Submission& submission);
  /// Sends what a sequence has held back and whose turn has come. The queue's submit mutex is held.
  void advance(SequenceRecord& sequence, std::uint64_t& wake_number, HeldEvents& events);
  /// Takes a lease that ends unsubmitted out of its sequence.
  void leave_sequence(const Submission& submission) noexcept;
  /// The driver has it. The state mutex is held.
  void record_in_flight(Submission& submission, Serial serial, TimePoint now,
                        std::uint64_t& wake_number);

  // Completion (ring_completion.cpp). No lock held, unless it says so.
  /// Notices what has ended on a queue, records it and hands the slots on.
  void collect(QueueIndex queue);
  /// The same for all queues. `lock` is free before and holds the state mutex afterwards: who
  /// collects wants to look at the slots next.
  void collect_all(UniqueLock& lock);
  void collect(QueueIndex queue, UniqueLock& lock);
  Completion finish(SlotIndex slot) noexcept;
  /// Waits until nothing up to `serial` is pending on `queue`. Returns false at the deadline.
  bool wait_serial(QueueIndex queue, Serial serial, TimePoint deadline,
                   Interruptible interruptible = Interruptible::yes);
  /// Waits until the driver has a submission that a sequence holds back.
  bool wait_sent(const Submission& submission, TimePoint deadline);
  /// Waits until another thread has resolved a submission.
  bool wait_done(const Submission& submission, TimePoint deadline);
  /// Makes device loss final: everything in flight fails with it, everyone wakes.
  void lose(const std::exception_ptr& cause) noexcept;
  /// Runs `call`; a DeviceLost that it throws becomes final before it goes on.
  template <typename Call>
  auto guarded(Call&& call) {
    try {
      return std::forward<Call>(call)();
    } catch (const DeviceLost&) {
      lose(std::current_exception());
      throw;
    }
  }
  /// Ends the waits in the backend up to this number; 0 does nothing.
  void wake(std::uint64_t wake_number) noexcept;
  /// Fails everything in flight with the cause of the loss. The state mutex is held.
  void fail_in_flight();
  /// leased, held or retiring → free. The state mutex is held.
  void free_slot(SlotIndex slot);
  /// Records how a submission ended and passes on the ring's reference. The state mutex is held.
  void resolve(Submission& submission, Completion completion);
  /// Takes back a record without references. The state mutex is held.
  void take_back(Submission& submission);
  /// Reports what take_back() found, removes slots that have left the ring. With `lock` held it
  /// lets go of it meanwhile.
  void settle(UniqueLock& lock) noexcept;
  /// Starts the completion thread of a queue if there is none.
  void require_completion_thread(QueueIndex queue);
  /// The oldest work of a queue that someone waits for with a callback. The state mutex is held.
  [[nodiscard]] std::optional<SyncPoint> oldest_watched(QueueIndex queue) const;
  /// True while the outcome of older work on its queue is being read. The state mutex is held.
  [[nodiscard]] bool older_retiring(const Submission& ended) const;
  void run_callbacks(Submission& submission) noexcept;
  void stop_threads() noexcept;

  // Other (ring_core.cpp, ring_resize.cpp, ring_watch.cpp).
  void remove_outside_slots() noexcept;
  void close_leases() noexcept;
  /// Reports what hangs; returns how long to wait before the next look.
  std::chrono::nanoseconds report_hangs();

  template <typename Event>
  void observe(void (Observer::*function)(const Event&) noexcept, const Event& event) const {
    if (options_.observer != nullptr) (options_.observer.get()->*function)(event);
  }
  [[nodiscard]] Mutex& submit_mutex(QueueIndex queue) { return submit_mutexes_[to_number(queue)]; }
  [[nodiscard]] Timeline& timeline(QueueIndex queue) { return timelines_[to_number(queue)]; }

  const RingOptions options_;
  const std::shared_ptr<Backend> backend_;
  const std::uint32_t queue_count_;
  const ProcessGuard process_;
  RingLog log_;
  Waiting waiting_;
  Mutex resize_mutex_;
  std::vector<Mutex> submit_mutexes_;

  Mutex state_mutex_;
  // All below is guarded by state_mutex_, but for what is atomic and the threads.
  SlotTable table_;
  /// Changed under both locks, so that a submitter may read the last serial under its own.
  std::vector<Timeline> timelines_;
  SubmissionPool pool_;
  Admission admission_;
  StatisticsCounter counter_;
  WaiterQueue waiters_;
  Lead lead_;
  std::uint64_t next_wake_number_ = 1;
  /// Signalled when a submission is resolved that another thread was already retiring, when one
  /// that was held back is sent, and when the last visit ends.
  ConditionVariable resolved_;
  std::vector<CompletionQueue> completion_queues_;
  /// Found by take_back(), to be reported without the lock.
  std::vector<Leak> unreported_;
  std::exception_ptr lost_;
  bool closed_ = false;
  /// In a forked child: keeps the threads that are not there from being joined.
  std::shared_ptr<RingCore> kept_after_fork_;
  std::uint32_t visits_ = 0;
  /// True once lost_ or closed_ is set: lets submit look without the lock.
  Atomic<bool> stopped_ = false;
  /// A hint, read without the lock: no slot was free when it was last held.
  Atomic<bool> full_ = false;
  Atomic<std::uint32_t> ring_size_;
  /// Ended by close(), and started last: it looks at all of the above.
  std::optional<Watchdog> watchdog_;
};

}  // namespace cbr::detail
