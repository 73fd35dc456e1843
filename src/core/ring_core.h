// The ring behind CommandBufferRing, Lease and Ticket: locks and waiting.
//
// Two kinds of lock, always taken in this order:
//
//   submit mutex (one a queue)   serial order is submission order: held from taking the serial
//   until
//                                the submission is recorded, native submit included
//   state mutex                  everything else; held for a few instructions, never across a call
//   of
//                                the backend or of the user
//
// Nobody's thread runs in the background. A thread that needs a completion asks the backend, and
// does the book-keeping for everyone (collect). Of the threads that wait for a slot, one, the
// leader, waits in the backend; the others sleep until a slot is handed to them. A freed slot goes
// straight to the first waiter, so nobody overtakes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <cbr/backend.h>
#include <cbr/errors.h>
#include <cbr/lease.h>
#include <cbr/options.h>
#include <cbr/statistics.h>
#include <cbr/ticket.h>
#include <cbr/types.h>

#include "core/slot_table.h"
#include "core/submission_pool.h"
#include "core/timeline.h"
#include "core/waiter_queue.h"
#include "observe/statistics_counter.h"

namespace cbr::detail {

class RingCore : public std::enable_shared_from_this<RingCore> {
 public:
  RingCore(std::shared_ptr<Backend> backend, RingOptions options);
  RingCore(const RingCore&) = delete;
  RingCore& operator=(const RingCore&) = delete;
  ~RingCore() = default;

  // The ring's side.

  /// Takes a slot and begins it. Empty if the deadline passes; a deadline in the past doesn't wait.
  std::optional<Lease> acquire(TimePoint deadline, const std::source_location& where);
  /// Throws AcquireTimeout for a wait of `waited` under the limit `timeout`.
  [[noreturn]] void throw_timeout(std::chrono::nanoseconds waited,
                                  std::chrono::nanoseconds timeout);
  void drain();
  RingStatistics statistics();
  void reset_statistics();
  /// Ends the ring: drains, gives up what is still leased, detaches. Leases and tickets stay safe.
  void close() noexcept;

  [[nodiscard]] const RingOptions& options() const noexcept { return options_; }
  [[nodiscard]] Backend& backend() const noexcept { return *backend_; }
  /// `timeout` from now by the backend's clock, without overflow.
  [[nodiscard]] TimePoint deadline_after(std::chrono::nanoseconds timeout) const;

  // The lease's side.

  /// `self` is the lease's reference to this ring; it goes on into the ticket.
  Ticket submit(SlotIndex slot, std::shared_ptr<RingCore> self);
  void discard(SlotIndex slot) noexcept;
  /// Gives one line to the log sink. Called with no lock held.
  void warn(const std::string& line) const noexcept;

  // The ticket's side.

  /// Returns false at the deadline. Throws nothing of the submission's own failure.
  bool wait(const Submission& submission, TimePoint deadline);
  /// True once the submission has ended. Asks the backend, but doesn't wait.
  bool poll(const Submission& submission);
  /// Drops one ticket's reference.
  void release(Submission& submission) noexcept;

 private:
  /// A leader's wait, as others need to know it in order to end it.
  struct Lead {
    Waiter* waiter = nullptr;
    /// 0 while the leader is not in the backend, or needs no waking there.
    std::uint64_t wake_number = 0;
    /// What it waits for, one point a queue at most.
    std::vector<SyncPoint> points;
  };

  // Acquiring (ring_acquire.cpp). The state mutex is held: by `lock` where it is a parameter.
  std::optional<SlotIndex> take_slot(TimePoint deadline, const std::source_location& where);
  std::optional<SlotIndex> wait_for_slot(std::unique_lock<std::mutex>& lock, TimePoint start,
                                         TimePoint deadline);
  /// Waits once, as leader or as follower. False if the deadline passed.
  bool lead(std::unique_lock<std::mutex>& lock, Waiter& self, TimePoint deadline);
  bool sleep(std::unique_lock<std::mutex>& lock, Waiter& self, TimePoint deadline);
  std::optional<SlotIndex> lease_free_slot();
  /// Throws if the ring is closed or the device lost. Takes the state mutex.
  void require_open(SlotIndex slot);
  /// Throws if the device is lost.
  void require_usable() const;
  // These return the number with which to wake the leader once the lock is free, or 0.
  /// Hands free slots to waiters.
  [[nodiscard]] std::uint64_t serve_waiters();
  /// Frees a leased slot that was not submitted.
  [[nodiscard]] std::uint64_t free_unsubmitted(SlotIndex slot);
  /// Tells a leader that waits on other queues only that `queue` has work now.
  [[nodiscard]] std::uint64_t note_new_point(QueueIndex queue);

  // Completion (ring_completion.cpp). No lock held.
  /// Notices what has ended on a queue, records it and hands the slots on.
  void collect(QueueIndex queue);
  /// The same for all queues. `lock` is free before and holds the state mutex afterwards: who
  /// collects wants to look at the slots next.
  void collect_all(std::unique_lock<std::mutex>& lock);
  void collect(QueueIndex queue, std::unique_lock<std::mutex>& lock);
  Completion finish(SlotIndex slot) noexcept;
  /// Waits until nothing up to `serial` is pending on `queue`. Returns false at the deadline.
  bool wait_serial(QueueIndex queue, Serial serial, TimePoint deadline);
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
  void wake_leader(std::uint64_t wake_number) noexcept;
  /// Fails everything in flight with the cause of the loss. The state mutex is held.
  void fail_in_flight();
  /// leased or retiring → free. The state mutex is held.
  void free_slot(SlotIndex slot);
  /// Records how a submission ended and drops the ring's reference. The state mutex is held.
  void resolve(Submission& submission, Completion completion);

  [[nodiscard]] QueueIndex queue_of(SlotIndex slot) const {
    return QueueIndex{to_number(slot) % queue_count_};
  }

  const RingOptions options_;
  const std::shared_ptr<Backend> backend_;
  const std::uint32_t queue_count_;
  std::vector<std::mutex> submit_mutexes_;

  std::mutex state_mutex_;
  // All below is guarded by state_mutex_.
  SlotTable table_;
  /// Changed under both locks, so that a submitter may read the last serial under its own.
  std::vector<Timeline> timelines_;
  SubmissionPool pool_;
  StatisticsCounter counter_;
  WaiterQueue waiters_;
  Lead lead_;
  std::uint64_t next_wake_number_ = 1;
  /// Signalled when a submission is resolved that another thread was already retiring.
  std::condition_variable resolved_;
  std::exception_ptr lost_;
  bool closed_ = false;
  /// True once lost_ or closed_ is set: lets submit look without the lock.
  std::atomic<bool> stopped_ = false;
  /// A hint, read without the lock: no slot was free when it was last held.
  std::atomic<bool> full_ = false;
};

}  // namespace cbr::detail
