// All that a ring's state mutex guards, and how it changes. No waiting, no driver, no user's code:
// those who have a RingState in their hands hold its lock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include <cbr/options.h>
#include <cbr/statistics.h>
#include <cbr/types.h>

#include "core/acquire_request.h"
#include "core/admission.h"
#include "core/callback_node.h"
#include "core/failed_tries.h"
#include "core/gpu_backlog.h"
#include "core/node_pool.h"
#include "core/ring_sizing.h"
#include "core/slot_table.h"
#include "core/step_forecast.h"
#include "core/submission.h"
#include "core/sync.h"
#include "core/timeline.h"
#include "core/waiter_queue.h"
#include "core/watched_queue.h"
#include "observe/activity_meter.h"
#include "observe/statistics_counter.h"

namespace cbr::detail {

/// One queue of the backend. Its mutexes are taken in this order, and before the state mutex.
struct RingQueue {
  QueueIndex index{};
  /// Serial order is submission order: held from the native submit until the timeline has it.
  Mutex submit_mutex;
  /// (submit mutex) What the GPU waits for before the submission that is on its way.
  std::vector<TimelinePoint> waits;
  /// For others to wait for on the GPU; null where they can't, and (state) once everything has
  /// ended with the ring.
  std::shared_ptr<const QueueTimeline> gpu_timeline;
  /// One thread at a time asks what has ended, reads how, and passes the slots on, in the order of
  /// the serials.
  Mutex retire_mutex;
  Timeline timeline;
  /// (submit) What the driver has, if the ring coalesces.
  GpuBacklog backlog;
  SubmitPace pace;
  /// (submit) How many submissions are gathered.
  std::uint32_t gathered = 0;
  /// The first that is gathered: the driver has not got it, nor what comes after it. Set before
  /// that is in the timeline.
  Atomic<std::uint64_t> gathered_from = nothing_gathered;
  static constexpr std::uint64_t nothing_gathered = std::numeric_limits<std::uint64_t>::max();
  /// When that is to be sent, at the latest.
  Atomic<TimePoint> send_by = no_deadline;
  /// When somebody saw the last end.
  Atomic<TimePoint> noticed = TimePoint{};
  /// How many have gone to the driver with an earlier one.
  Atomic<std::uint64_t> coalesced = 0;
  /// How far the outcomes are being read: what lies between it and the timeline's retired() is the
  /// business of who holds the retire mutex, the loss of the device included. Set before looking at
  /// RingContext::stopped.
  Atomic<std::uint64_t> claimed = 0;
  /// The state mutex guards both: after which submission the loss of the device found others that
  /// it could fail, and up to which it has failed them.
  std::optional<Serial> lost_after;
  Serial lost_up_to;
  /// Something is gathered, and the driver has nothing else.
  [[nodiscard]] bool has_run_dry() const {
    return timeline.retired().value() + 1 == gathered_from.load(std::memory_order_acquire);
  }
  [[nodiscard]] bool is_gathered(Serial serial) const {
    return serial.value() >= gathered_from.load(std::memory_order_acquire);
  }
  /// Someone who waits has to be told of the next submission. Set before looking at the timeline,
  /// looked at after pushing to it: one of the two sees the other.
  Atomic<bool> wanted = false;
};

/// The wait of the thread that waits in the backend for all that want a slot, as others need to
/// know it in order to end it.
struct Lead {
  WaitingThread* thread = nullptr;
  /// 0 while nobody leads.
  std::uint64_t wake_number = 0;
  /// It is back from the backend, and will look at the state without being woken. Set without the
  /// lock.
  Atomic<bool> awake = false;
  /// What it waits for, one point a queue at most. Nobody else touches them while it leads.
  std::vector<SyncPoint> points;

  void begin(WaitingThread& its_thread, std::uint64_t its_wake_number) {
    thread = &its_thread;
    wake_number = its_wake_number;
    awake.store(false, std::memory_order_relaxed);
  }
  void end() {
    thread = nullptr;
    wake_number = 0;
  }
};

/// What a completion thread does at the moment.
struct CompletionThread {
  bool stop = false;
  /// What it waits with in the backend; 0 while it is not there.
  std::uint64_t wake_number = 0;
  Serial waits_for;
  /// Signalled when there may be something to do.
  ConditionVariable changed;
  Thread::id id;
  /// What it runs; it may be gone, if it is no callback.
  const Continuation* running = nullptr;
  /// Signalled when that has been run.
  ConditionVariable ran;
};

/// What the thread does that waits for all asynchronous requests.
struct AcquireThread {
  WaitingThread waits;
  /// The requests whose time was over, until they are answered. They wait no more.
  WaitingThread::Requests expired;
  bool stop = false;
  /// No request waits for less long than until then, by the backend's clock and by the steady one:
  /// it may be one that has gone.
  TimePoint earliest_deadline = no_deadline;
  TimePoint earliest_steady_deadline = no_deadline;
  /// Until when it leads, at most.
  TimePoint leads_until = no_deadline;
  Thread::id id;
  /// What it answers at the moment.
  const AcquireRequest* answering = nullptr;
  /// Signalled when that has been answered.
  ConditionVariable answered;
};

/// What a change of the state leaves to be done once the lock is free: whoever changes it passes
/// this on to RingContext::follow_up.
struct FollowUp {
  /// Ends the waits in the backend up to this number; 0 ends none.
  std::uint64_t wake_number = 0;
  /// Failures that nobody asked about. Their records go back to the pool once they are reported.
  SubmissionChain unseen_failures;
  /// What they hung on has come.
  ResumedSubmissions resumed;
  /// They have ended, and let go of what they waited for.
  SettledSubmissions settled;
  /// Slots have left the ring, and their native objects can go.
  bool outside_slots = false;
  /// The ring has ended, and this was the last use of its core.
  std::shared_ptr<RingCore> core;

  void wake(std::uint64_t number) { wake_number = std::max(wake_number, number); }
  [[nodiscard]] bool empty() const {
    return wake_number == 0 && unseen_failures.empty() && resumed.empty() && settled.empty() &&
           !outside_slots && core == nullptr;
  }
};

class RingState {
 public:
  RingState(const RingOptions& options, const std::vector<float>& queue_priorities, RingCore& core,
            std::vector<RingQueue>& queues, Atomic<bool>& full);

  /// Throws the cause of the loss if the device is lost, InvalidUsage if the ring has ended.
  void require_usable() const;

  // acquire

  /// Takes the slot that the request may have, in a new record; null if there is none. If it
  /// throws, nothing has changed.
  Submission* lease(const SlotRequest& request);
  /// Hands free slots to those who wait.
  void serve_waiters(FollowUp& follow_up);
  /// Wakes all that wait for a slot, to learn that there is nothing to be had any more.
  void wake_waiting_threads();
  /// A thread that could wait in the backend for everyone. One that waits for a slot of its own if
  /// there is any: the thread of asynchronous requests may be running the program's code. Null if
  /// nobody waits.
  [[nodiscard]] WaitingThread* next_leader();
  /// The ring ends: takes back the slots of asynchronous requests that have not been told of them.
  void take_back_granted(FollowUp& follow_up);
  /// The last user of an asynchronous request lets go of it.
  void give_back(AcquireRequest& request, FollowUp& follow_up);

  // submit

  /// A submission waits for its turn in its sequence, or for another submission.
  void hold(Submission& submission);
  /// The driver has `submission`, whose serial is the timeline's next. Of a submission that is not
  /// held, watched or part of a sequence the state knows nothing: Timeline::push is all it takes.
  void send(Submission& submission, FollowUp& follow_up);
  /// There is new work on a queue for those who said RingQueue::wanted.
  void note_submission(RingQueue& queue, FollowUp& follow_up);

  // complete and recycle

  /// Records that `submission` has ended as its `completion` says, frees its slot and passes on the
  /// ring's reference. Not for those that never were the driver's.
  void retire(Submission& submission, FollowUp& follow_up);
  /// The device is lost, and with it all that is held or in flight.
  void lose(const std::exception_ptr& cause, FollowUp& follow_up);
  /// Fails what is in flight on one queue of a lost device, as far as nobody is reading its
  /// outcome.
  void fail_in_flight(RingQueue& queue, FollowUp& follow_up);
  /// The same for those up to `last` that this thread has claimed, and so the loss has left to it.
  void fail_claimed(RingQueue& queue, Serial last, FollowUp& follow_up);
  /// A submission that was held won't be sent: its ticket has to say why.
  void refuse(Submission& submission, const std::exception_ptr& error, FollowUp& follow_up);
  /// A lease ends without a submission, at `now` if that is known; `submission` is nobody's
  /// afterwards.
  void end_unsubmitted(Submission& submission, TimePoint now, FollowUp& follow_up);
  /// The same once the ring has ended: nobody is served any more.
  void end_after_ring(Submission& submission, FollowUp& follow_up);
  /// The last reference to the record is gone.
  void take_back(Submission& submission, FollowUp& follow_up);
  /// The record is not needed any more, and nothing has to be reported of it.
  void give_back(Submission& submission, FollowUp& follow_up);

  // callbacks

  [[nodiscard]] CompletionThread& completion_thread(QueueIndex queue) {
    return completion_threads_[to_number(queue)];
  }
  /// When the work of a queue will have ended.
  [[nodiscard]] StepForecast& forecast(QueueIndex queue) { return forecasts_[to_number(queue)]; }
  [[nodiscard]] WatchedQueue& watched(QueueIndex queue) { return watched_[to_number(queue)]; }
  /// The completion thread of a queue has to look for new work, at the latest when `serial` ends.
  void notify_completion_thread(QueueIndex queue, Serial serial, FollowUp& follow_up);
  /// The node's last user lets go of it.
  void give_back(CallbackNode& node, FollowUp& follow_up);

  // Statistics.

  /// All of them, as they are at `now`. Allocates nothing if there is room for each queue's.
  void read(RingStatistics& statistics, TimePoint now) const;
  void reset_statistics(TimePoint now);

  /// The slot that stands in the way of the next lease: the one that has been in flight longest,
  /// else the one at the cursor.
  [[nodiscard]] SlotIndex in_the_way() const;
  /// Work that is to be done without the lock, and that no FollowUp has taken along yet.
  void settle(FollowUp& follow_up);

  [[nodiscard]] std::uint64_t next_wake_number() { return ++wake_numbers_; }
  [[nodiscard]] std::uint64_t last_wake_number() const { return wake_numbers_; }

  const RingOptions& options;
  SlotTable slots;
  Admission admission;
  SubmissionPool pool;
  NodePool<CallbackNode> callbacks;
  NodePool<AcquireRequest> requests;
  StatisticsCounter counter;
  /// How often the statistics were reset.
  std::uint64_t resets = 0;
  WaiterQueue waiters;
  FailedTries tries;
  /// Those that wait for a slot of their own, in order of arrival.
  IntrusiveList<WaitingThread, &WaitingThread::previous, &WaitingThread::next> waiting_threads;
  AcquireThread acquire_thread;
  Lead lead;
  /// What a ring that chooses its size looks at; none if it doesn't, or any more.
  std::optional<StepWindow> sizing_window;
  /// The first cause, once the device is lost.
  std::exception_ptr lost;
  bool closed = false;
  /// Keeps the core until the ring has ended and nobody has a record of it any more.
  std::shared_ptr<RingCore> self;
  /// No lease, ticket, handle or coroutine has anything of the ring.
  [[nodiscard]] bool unused() const {
    return pool.in_use() == 0 && callbacks.in_use() == 0 && requests.in_use() == 0;
  }

 private:
  /// The request gets the slot, which is free, in `submission`.
  void lease(const SlotRequest& request, SlotIndex slot, Submission& submission);
  /// `since` may be unknown.
  void free_slot(Submission& submission, TimePoint since = {});
  /// Fails one submission with the device. Its slot is not used any more.
  void fail(Submission& submission, FollowUp& follow_up);
  /// Lets everyone know how a submission ended. The ring's reference goes on to the completion
  /// thread, or is given up.
  void resolve(Submission& submission, FollowUp& follow_up);
  void wake_sleepers(Submission& submission);
  /// Those that were held until `submission` was sent can look again.
  static void resume_dependants(Submission& submission, FollowUp& follow_up);
  void let_core_go(FollowUp& follow_up);
  [[nodiscard]] std::uint64_t coalesced() const;
  /// Fills in what is known of slots that are not free.
  void read_slots(RingStatistics& statistics, TimePoint now) const;

  std::vector<RingQueue>& queues_;
  /// RingContext::full.
  Atomic<bool>& full_;
  std::vector<CompletionThread> completion_threads_;
  std::vector<WatchedQueue> watched_;
  std::vector<StepForecast> forecasts_;
  std::vector<observe::ActivityMeter> meters_;
  std::uint32_t held_ = 0;
  /// What a reset of the statistics took away.
  std::uint64_t coalesced_before_ = 0;
  std::uint64_t wake_numbers_ = 0;
};

}  // namespace cbr::detail
