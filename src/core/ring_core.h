// The ring behind CommandBufferRing, Lease, Sequence and Ticket: the path of a step, and the
// ring's beginning and end. What each part does in detail stands in the part's own file.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string_view>

#include <cbr/async_acquire.h>
#include <cbr/backend.h>
#include <cbr/lease.h>
#include <cbr/options.h>
#include <cbr/statistics.h>
#include <cbr/ticket.h>
#include <cbr/types.h>

#include "core/acquire_requests.h"
#include "core/callbacks.h"
#include "core/completion.h"
#include "core/resizing.h"
#include "core/ring_context.h"
#include "core/send_timer.h"
#include "core/slot_leasing.h"
#include "core/slot_wait.h"
#include "core/submitting.h"
#include "core/wait_strategy.h"
#include "core/watchdog.h"

namespace cbr::detail {

/// Lives until its ring has ended and no lease, ticket, sequence or callback refers to it any more.
class RingCore : public std::enable_shared_from_this<RingCore> {
 public:
  /// Attaches to the backend. Throws what the constructor of CommandBufferRing throws.
  static std::shared_ptr<RingCore> make(std::shared_ptr<Backend> backend, RingOptions options);
  RingCore(const RingCore&) = delete;
  RingCore& operator=(const RingCore&) = delete;
  ~RingCore() = default;

  // The ring's side.

  /// Takes a slot and begins it. Empty if there is none within `limit`. `sequence` may be null.
  /// `limited` as for SlotWait::take.
  std::optional<Lease> try_acquire(const AcquireOptions& options,
                                   const std::shared_ptr<SequenceRecord>* sequence, Timeout limit,
                                   bool limited, const std::source_location& where);
  /// The same under the limit of the request or of the ring. Throws AcquireTimeout.
  Lease acquire(const AcquireOptions& options, const std::shared_ptr<SequenceRecord>* sequence,
                const std::source_location& where);
  /// The same for a lease of a sequence, which may outlive the ring.
  Lease acquire_in_sequence(const AcquireOptions& options,
                            const std::shared_ptr<SequenceRecord>& sequence,
                            const std::source_location& where);
  /// A new sequence, on the least busy queue if none is named.
  std::shared_ptr<SequenceRecord> make_sequence(std::optional<QueueIndex> queue);
  /// Throws InvalidUsage in a child that was forked off.
  void require_same_process() const { ring_.require_same_process(); }
  void drain();
  void set_ring_size(std::uint32_t ring_size) { resizing_.set(ring_size); }
  /// The options with which another ring begins as this one is now.
  [[nodiscard]] RingOptions options_now() const;
  RingStatistics statistics();
  /// The same, and where the lease of RingStatistics::oldest_lease_slot was acquired.
  RingStatistics statistics(std::source_location& oldest_lease_at);
  void reset_statistics();
  /// Ends the ring: refuses what comes from now on, waits for what is in flight, runs the
  /// callbacks, detaches. Leases, tickets, sequences and handles stay safe.
  void close() noexcept;

  // The side of asynchronous requests, whose handles and awaiters are in async_acquire.cpp.

  /// A request that hasn't asked yet, with one reference. Throws what SlotLeasing::check does.
  AcquireRequest& make_request(const AcquireOptions& options,
                               const std::shared_ptr<SequenceRecord>* sequence,
                               const std::source_location& where);
  /// Asks for a slot. True if the request waits: its coroutine or callback is run once it is
  /// answered. False if it is answered at once, by a lease or a failure in the request. If it
  /// throws, nothing was asked.
  bool ask(AcquireRequest& request);
  /// As CommandBufferRing::acquire_async with a callback. Returns the request for its handle; null
  /// if the callback has been run.
  AcquireRequest* ask(const AcquireOptions& options,
                      const std::shared_ptr<SequenceRecord>* sequence,
                      std::function<void(AcquireResult)> callback,
                      const std::source_location& where);
  /// Takes a request back, if its coroutine or callback was not run, as AcquireHandle::cancel.
  bool cancel(AcquireRequest& request) noexcept;
  /// Drops one reference.
  void release(AcquireRequest& request) noexcept;

  // The lease's side. The submission is the lease's own until it ends here.

  /// `after` is moved from.
  Ticket submit(Submission& submission, Dependencies& after, const std::source_location& where);
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
  /// Has `continuation` run once the submission has ended; false if it has ended already.
  bool add_continuation(Submission& submission, Continuation& continuation);
  /// Takes one back, if it was not run.
  void remove_continuation(const Submission& submission, Continuation& continuation) noexcept;
  /// As Ticket::on_complete. Returns the node for its handle; null if the callback has been run.
  CallbackNode* add_callback(Submission& submission, std::function<void(const Ticket&)> callback);
  /// Takes a callback back, as CallbackHandle::cancel, and the handle's reference with it.
  bool cancel(CallbackNode& node) noexcept;
  void release(CallbackNode& node) noexcept;
  /// Sends the submission if it is gathered, so that work of others can wait for it on the GPU.
  /// Throws what Backend::flush throws.
  void send_now(const Submission& submission);
  /// As Ticket::timeline_point.
  [[nodiscard]] std::optional<TimelinePoint> timeline_point(const Submission& submission);
  /// Drops one ticket's reference.
  void release(Submission& submission) noexcept;

  // The side of submissions that wait for one another (predecessors.cpp).

  /// Starts the thread that sees `submission` end, if it hasn't. Throws std::system_error.
  void require_completion_thread(const Submission& submission);
  /// What `submission`, which is held, hung on has come. Takes over a reference. Those that can
  /// look again because of that are added to `more`.
  void resume(Submission& submission, ResumedSubmissions& more) noexcept;
  /// The same, and sees to those.
  void resume(Submission& submission) noexcept;
  /// Sleeps until `submission` has ended, for a moment at most.
  void wait_a_moment(const Submission& submission) noexcept;
  [[nodiscard]] RingContext& context() noexcept { return ring_; }

  // Waiting for tickets of several rings (ticket_group.cpp).

  [[nodiscard]] ThreadWait make_wait(TimePoint deadline) { return {ring_, strategy_, deadline}; }
  /// Notices what has ended on the queues of these points. False if some of it can't be told yet,
  /// because it waited for other work whose outcome isn't known.
  bool collect(std::span<const SyncPoint> points);
  /// Waits in the backend until one of the points has ended; false at the deadline.
  bool wait_for_any(std::span<const SyncPoint> points, TimePoint deadline);

  [[nodiscard]] const RingOptions& options() const noexcept { return ring_.options; }
  [[nodiscard]] Backend& backend() const noexcept { return *ring_.backend; }
  [[nodiscard]] const RingLog& log() const noexcept { return ring_.log; }
  [[nodiscard]] const Callbacks& callbacks() const noexcept { return callbacks_; }
  [[nodiscard]] std::uint32_t ring_size() const noexcept { return ring_.ring_size; }
  [[nodiscard]] std::uint32_t queue_count() const noexcept { return ring_.queue_count(); }
  [[nodiscard]] std::chrono::nanoseconds spin_limit() const { return strategy_.spin_limit(); }

 private:
  RingCore(std::shared_ptr<Backend> backend, RingOptions options);

  /// Waits until nothing is in flight, however often waiting fails.
  void wait_until_idle() noexcept;
  /// Lets what sequences hold back behind leases go on without them.
  void end_sequences_of_leases() noexcept;
  /// Asks the backend what others can wait for on the GPU.
  void read_timelines();
  /// Sends what is due, and returns when to call it next.
  TimePoint send_due() noexcept;
  /// Leaves the native objects of leased slots to their leases.
  void abandon_leased_slots() noexcept;

  RingContext ring_;
  const SpinThenBlock strategy_;
  Retirement retirement_;
  Submitting submitting_;
  SlotLeasing leasing_;
  SlotWait slot_wait_;
  Resizing resizing_;
  Callbacks callbacks_;
  AcquireRequests requests_;
  /// In a forked child: keeps the threads that are not there from being joined.
  std::shared_ptr<RingCore> kept_after_fork_;
  /// Started last, and ended by close(): they look at all of the above.
  std::optional<Watchdog> watchdog_;
  std::optional<SendTimer> send_timer_;
};

}  // namespace cbr::detail
