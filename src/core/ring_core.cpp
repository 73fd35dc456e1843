// The path of a step: acquire, record, submit, complete, recycle.
//
//     acquire    RingCore::try_acquire   a free slot is leased (slot_leasing.cpp), or the thread
//                                        waits in its turn (slot_wait.cpp)
//     record     Backend::begin          the program records, with no lock held
//     submit     RingCore::submit        serial, native submit and record (submitting.cpp)
//     complete   Retirement::collect     whoever needs it notices what has ended (completion.cpp)
//     recycle    RingState::retire       the slot is free, or goes to the next that waits
#include "core/ring_core.h"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/auto_ring_size.h"
#include "core/backoff.h"
#include "core/hang_reports.h"
#include "core/messages.h"
#include "core/option_checks.h"
#include "core/sequence_record.h"

namespace cbr::detail {

std::optional<Lease> RingCore::try_acquire(const AcquireOptions& options,
                                           const std::shared_ptr<SequenceRecord>* sequence,
                                           Timeout limit, bool limited,
                                           const std::source_location& where) {
  ring_.require_same_process();
  SlotRequest request = leasing_.check(options, sequence, where);
  resizing_.follow();
  request.asked_at = ring_.noted_now();
  SlotWait::Result taken;
  taken.submission = leasing_.take_free(request);
  if (taken.submission == nullptr) {
    const TimePoint deadline = limit.after(ring_.backend->now());
    taken = slot_wait_.take(request, deadline, limited);
    if (taken.failure != nullptr) {
      if (taken.submission != nullptr) leasing_.give_up(*taken.submission);
      std::rethrow_exception(taken.failure);
    }
    if (taken.submission == nullptr) return std::nullopt;
  }
  return leasing_.begin(*taken.submission, taken.waited);
}

Lease RingCore::acquire(const AcquireOptions& options,
                        const std::shared_ptr<SequenceRecord>* sequence,
                        const std::source_location& where) {
  const Timeout limit = options.timeout.value_or(ring_.options.timeout);
  const TimePoint start = limit.has_value() ? ring_.backend->now() : TimePoint{};
  auto lease = try_acquire(options, sequence, limit, true, where);
  if (!lease) leasing_.throw_timeout(ring_.backend->now() - start, *limit.value());
  return *std::move(lease);
}

Lease RingCore::acquire_in_sequence(const AcquireOptions& options,
                                    const std::shared_ptr<SequenceRecord>& sequence,
                                    const std::source_location& where) {
  ring_.require_same_process();
  const Visit visit(ring_.gate);
  if (!visit.allowed()) ring_.require_usable();
  return acquire(options, &sequence, where);
}

Ticket RingCore::submit(Submission& submission, Dependencies& after,
                        const std::source_location& where) {
  ring_.require_same_process();
  const SlotIndex slot = submission.slot;
  submission.submitted_at = where;
  submission.times.thread = std::this_thread::get_id();
  submission.times.has_foreign_waits = submission.foreign_waits.count > 0;
  if (!after.empty()) submission.after = std::move(after);
  const Submitting::Result result = submitting_.submit(submission);
  if (result.failure != nullptr) {
    // They go when the slot is free and the visit over: they may end the ring, or want a slot.
    const Dependencies waited_for = std::move(submission.after);
    ReleasedObjects kept;
    kept.take(submission.kept_alive);
    {
      const Visit visit(ring_.gate);
      if (!visit.allowed()) {
        leasing_.give_up_after_ring(submission);
        std::rethrow_exception(result.failure);
      }
      if (result.recording) ring_.backend->discard(slot);
      leasing_.give_up(submission);
      // Within the visit: without its record, nothing else keeps the core.
      if (ring_.options.observer != nullptr) ring_.options.observer->on_discard(slot);
    }
    std::rethrow_exception(result.failure);
  }
  return TicketAccess::make(submission);
}

void RingCore::discard(Submission& submission) noexcept {
  // In a forked child everything is left as it lies.
  if (!ring_.gate.same_process()) return;
  const SlotIndex slot = submission.slot;
  // Goes last, as in submit().
  ReleasedObjects kept;
  kept.take(submission.kept_alive);
  const Visit visit(ring_.gate);
  if (!visit.allowed()) {
    leasing_.give_up_after_ring(submission);
    return;
  }
  ring_.backend->discard(slot);
  leasing_.give_up(submission);
  if (ring_.options.observer != nullptr) ring_.options.observer->on_discard(slot);
}

std::shared_ptr<SequenceRecord> RingCore::make_sequence(std::optional<QueueIndex> queue) {
  ring_.require_same_process();
  ring_.require_queue(queue, "a sequence");
  if (!queue) {
    const StateAccess state(ring_.state);
    queue = state->admission.least_busy_queue();
  }
  return std::make_shared<SequenceRecord>(*queue);
}

// Asynchronous requests.

AcquireRequest& RingCore::make_request(const AcquireOptions& options,
                                       const std::shared_ptr<SequenceRecord>* sequence,
                                       const std::source_location& where) {
  ring_.require_same_process();
  const SlotRequest checked = leasing_.check(options, sequence, where);
  AcquireRequest* request = nullptr;
  {
    const StateAccess state(ring_.state);
    // Nobody would let go of a core that has let go of itself.
    if (state->closed) throw InvalidUsage(fmt::format("{}: the ring is gone", ring_.options.name));
    request = &state->requests.take();
  }
  request->prepare(checked, options.timeout.value_or(ring_.options.timeout));
  return *request;
}

bool RingCore::ask(AcquireRequest& request) {
  ring_.require_same_process();
  const Visit visit(ring_.gate);
  if (!visit.allowed()) ring_.require_usable();
  resizing_.follow();
  // It may have been made long before.
  request.request.asked_at = ring_.noted_now();
  SlotWait::Result taken;
  taken.submission = leasing_.take_free(request.request);
  if (taken.submission == nullptr) {
    taken = slot_wait_.look(request.request);
    if (taken.failure != nullptr) {
      if (taken.submission != nullptr) leasing_.give_up(*taken.submission);
      std::rethrow_exception(taken.failure);
    }
  }
  if (taken.submission == nullptr) {
    if (requests_.enter(request, shared_from_this(), taken.submission)) return true;
  }
  requests_.answer(request, taken.submission, std::chrono::nanoseconds(0));
  return false;
}

AcquireRequest* RingCore::ask(const AcquireOptions& options,
                              const std::shared_ptr<SequenceRecord>* sequence,
                              std::function<void(AcquireResult)> callback,
                              const std::source_location& where) {
  if (callback == nullptr) {
    throw InvalidUsage(fmt::format("{}: acquire_async with a null callback", ring_.options.name));
  }
  AcquireRequest& request = make_request(options, sequence, where);
  request.callback = std::move(callback);
  try {
    if (ask(request)) return &request;
  } catch (const DeviceLost&) {
    request.failure = std::current_exception();
  } catch (const BackendError&) {
    request.failure = std::current_exception();
  } catch (...) {
    request.callback = nullptr;
    release(request);
    throw;
  }
  // The callback may end the ring: no visit is under way.
  requests_.run(request);
  request.callback = nullptr;
  release(request);
  return nullptr;
}

bool RingCore::cancel(AcquireRequest& request) noexcept {
  // In a forked child nothing runs, and everything is left as it lies.
  return ring_.gate.same_process() && requests_.cancel(request);
}

void RingCore::release(AcquireRequest& request) noexcept {
  if (!ring_.gate.same_process()) return;
  FollowUp follow_up;
  const StateAccess state(ring_.state);
  if (--request.references == 0) state->give_back(request, follow_up);
}

// Leases.

void RingCore::keep_alive(Submission& submission, std::shared_ptr<const void> object) {
  {
    const Visit visit(ring_.gate);
    if (visit.forked()) ring_.require_same_process();
    // After the ring's end the lease lets go of it, and needs no thread for that.
    if (visit.allowed()) callbacks_.require_thread(submission.queue, shared_from_this());
  }
  submission.kept_alive.push_back(std::move(object));
}

void RingCore::set_label(Submission& submission, std::string_view label) {
  ring_.require_same_process();
  // The lease's own, but a thread whose acquire timed out names the lease that is in its way.
  const StateAccess state(ring_.state);
  submission.label.assign(label);
}

std::optional<TimelinePoint> RingCore::timeline_point(const Submission& submission) {
  ring_.require_same_process();
  const Serial serial(submission.serial.load(std::memory_order_acquire));
  if (serial.value() == 0) return std::nullopt;
  try {
    send_now(submission);
  } catch (const DeviceLost&) {
    // The point stays, whatever comes of it.
  }
  const StateAccess state(ring_.state);
  const RingQueue& queue = ring_.queue(submission.queue);
  if (queue.gpu_timeline == nullptr) return std::nullopt;
  return TimelinePoint{queue.gpu_timeline, serial};
}

void RingCore::report_abandoned(const Submission& submission) noexcept {
  if (ring_.gate.same_process()) ring_.log.abandoned(submission);
}

// Tickets.

void RingCore::send_now(const Submission& submission) {
  if (!ring_.coalesces || submission.done.load(std::memory_order_acquire)) return;
  const Visit visit(ring_.gate);
  // Else the ring is just ending, and sends what there is.
  if (!visit.allowed() && !ring_.ends_here()) return;
  const SyncPoint point{submission.queue, Serial(submission.serial.load())};
  retirement_.guarded([&] { ring_.send_gathered({&point, 1}); });
}

bool RingCore::poll(const Submission& submission) {
  if (submission.done.load(std::memory_order_acquire)) return true;
  {
    const Visit visit(ring_.gate);
    if (visit.forked()) ring_.require_same_process();
    // Else the ring is just ending, and collects what there is.
    const bool allowed = visit.allowed() || ring_.ends_here();
    if (allowed && submission.serial.load(std::memory_order_acquire) != 0) {
      try {
        RingQueue& queue = ring_.queue(submission.queue);
        if (queue.is_gathered(Serial(submission.serial.load(std::memory_order_relaxed)))) {
          retirement_.guarded([&] { ring_.try_send_gathered(queue); });
        }
        retirement_.collect(queue, Retirement::Turn::skip);
      } catch (const DeviceLost&) {
        // The record has the loss: the ticket finds it.
      }
    }
  }
  return submission.done.load(std::memory_order_acquire);
}

void RingCore::wait_a_moment(const Submission& submission) noexcept {
  if (ring_.backend->has_virtual_clock()) {
    // Only as long as the backend is the ring's.
    const Visit visit(ring_.gate);
    if (visit.allowed() || ring_.ends_here()) {
      retirement_.let_time_pass(submission);
      return;
    }
  }
  retirement_.wait_a_moment(submission);
}

bool RingCore::wait(const Submission& submission, TimePoint deadline) {
  if (submission.done.load(std::memory_order_acquire)) return true;
  const Visit visit(ring_.gate);
  if (visit.forked()) ring_.require_same_process();
  if (visit.allowed() || ring_.ends_here()) return retirement_.wait(submission, deadline);
  // The ring is just ending: that resolves everything.
  return retirement_.wait_for_others(submission, deadline);
}

bool RingCore::add_continuation(Submission& submission, Continuation& continuation) {
  if (submission.done.load(std::memory_order_acquire)) return false;
  {
    const Visit visit(ring_.gate);
    if (visit.forked()) ring_.require_same_process();
    if (visit.allowed() || ring_.ends_here()) {
      callbacks_.require_thread(submission.queue, shared_from_this());
      return callbacks_.add(submission, continuation);
    }
  }
  // The ring is just ending.
  (void)retirement_.wait_for_others(submission, no_deadline);
  return false;
}

void RingCore::remove_continuation(const Submission& submission,
                                   Continuation& continuation) noexcept {
  if (ring_.gate.same_process()) (void)callbacks_.remove(continuation, submission.queue);
}

CallbackNode* RingCore::add_callback(Submission& submission,
                                     std::function<void(const Ticket&)> callback) {
  CallbackNode* node = nullptr;
  if (!submission.done.load(std::memory_order_acquire)) {
    ring_.require_same_process();
    const StateAccess state(ring_.state);
    node = &state->callbacks.take();
    // The list's and the handle's.
    node->references = 2;
  }
  if (node == nullptr) {
    callbacks_.run(callback, TicketAccess::share(&submission));
    return nullptr;
  }
  node->queue = submission.queue;
  node->callback = std::move(callback);
  bool added = false;
  try {
    added = add_continuation(submission, *node);
  } catch (...) {
    node->callback = nullptr;
    callbacks_.release(*node);
    callbacks_.release(*node);
    throw;
  }
  if (added) return node;
  const std::function<void(const Ticket&)> late = std::move(node->callback);
  node->callback = nullptr;
  callbacks_.release(*node);
  callbacks_.release(*node);
  callbacks_.run(late, TicketAccess::share(&submission));
  return nullptr;
}

bool RingCore::cancel(CallbackNode& node) noexcept {
  // In a forked child nothing runs, and everything is left as it lies.
  return ring_.gate.same_process() && callbacks_.cancel(node);
}

void RingCore::release(CallbackNode& node) noexcept {
  if (ring_.gate.same_process()) callbacks_.release(node);
}

void RingCore::release(Submission& submission) noexcept {
  // With one reference left it is this one, and nobody can make another.
  if (submission.references.load(std::memory_order_acquire) != 1 &&
      submission.references.fetch_sub(1, std::memory_order_acq_rel) != 1) {
    return;
  }
  if (!ring_.gate.same_process()) return;
  FollowUp follow_up;
  {
    const StateAccess state(ring_.state);
    state->take_back(submission, follow_up);
  }
  ring_.follow_up(follow_up);
}

void RingCore::require_completion_thread(const Submission& submission) {
  if (submission.done.load(std::memory_order_acquire)) return;
  const Visit visit(ring_.gate);
  if (visit.forked()) ring_.require_same_process();
  if (visit.allowed()) callbacks_.require_thread(submission.queue, shared_from_this());
}

void RingCore::resume(Submission& submission, ResumedSubmissions& more) noexcept {
  // Keeps the core until the visit is over.
  const Ticket reference = TicketAccess::make(submission);
  const Visit visit(ring_.gate);
  // Else the ring's end has failed it, or is about to.
  if (visit.allowed() || ring_.ends_here()) submitting_.resume(submission, more);
}

void RingCore::resume(Submission& submission) noexcept {
  FollowUp follow_up;
  follow_up.resumed.push_back(submission);
  ring_.follow_up(follow_up);
}

bool RingCore::collect(std::span<const SyncPoint> points) {
  const Visit visit(ring_.gate);
  if (visit.forked()) ring_.require_same_process();
  // Else the ring is just ending, and collects what there is.
  if (!visit.allowed() && !ring_.ends_here()) return true;
  bool told = true;
  try {
    for (const SyncPoint& point : points) {
      told = retirement_.collect(ring_.queue(point.queue), Retirement::Turn::skip) && told;
    }
  } catch (const DeviceLost&) {
    // The records have the loss, or get it in a moment.
    return true;
  }
  return told;
}

bool RingCore::wait_for_any(std::span<const SyncPoint> points, TimePoint deadline) {
  // The records get their outcome in a moment, from another thread.
  constexpr std::chrono::milliseconds moment(1);
  const Visit visit(ring_.gate);
  if (visit.forked()) ring_.require_same_process();
  if (!visit.allowed() && !ring_.ends_here()) {
    std::this_thread::sleep_for(moment);
    return true;
  }
  ThreadWait wait(ring_, strategy_, deadline);
  try {
    return retirement_.wait_in_backend(wait, points, 0) == WaitStatus::reached;
  } catch (const DeviceLost&) {
    if (wait.interrupted()) throw;
    std::this_thread::sleep_for(moment);
    return true;
  }
}

// The whole ring.

void RingCore::drain() {
  ring_.require_same_process();
  // A step may end with a drain, which is not to allocate on a device of usual size.
  std::array<Serial, 16> few;
  std::vector<Serial> many(queue_count() > few.size() ? queue_count() : 0);
  Serial* const targets = many.empty() ? few.data() : many.data();
  ring_.require_usable();
  // For all queues at once: what is submitted while one is waited for came after the call.
  for (std::uint32_t i = 0; i < queue_count(); ++i) {
    targets[i] = ring_.queues[i].timeline.last_submitted();
  }
  for (std::uint32_t i = 0; i < queue_count(); ++i) {
    retirement_.wait_serial(ring_.queues[i], targets[i], Interruptible::yes);
  }
  ring_.require_usable();
}

RingOptions RingCore::options_now() const {
  RingOptions options = ring_.options;
  options.ring_size = ring_.ring_size;
  if (resizing_.was_set()) options.auto_ring_size.reset();
  return options;
}

RingStatistics RingCore::statistics() {
  std::source_location unused;
  return statistics(unused);
}

RingStatistics RingCore::statistics(std::source_location& oldest_lease_at) {
  ring_.require_same_process();
  try {
    retirement_.collect_all(Retirement::Turn::skip);
  } catch (const Error&) {
    // Statistics are what one looks at after a failure: report what is known.
  }
  RingStatistics statistics;
  const TimePoint now = ring_.backend->now();
  if (ring_.queue_count() > 1) statistics.gpu_by_queue.reserve(ring_.queue_count());
  const StateAccess state(ring_.state);
  state->read(statistics, now);
  if (statistics.oldest_lease_ms > 0) {
    oldest_lease_at = state->slots[SlotIndex{statistics.oldest_lease_slot}].submission->acquired_at;
  }
  return statistics;
}

void RingCore::reset_statistics() {
  ring_.require_same_process();
  const StateAccess state(ring_.state);
  state->reset_statistics(ring_.backend->now());
}

// Beginning and end.

namespace {

std::chrono::nanoseconds spin_limit(const RingOptions& options, Backend& backend) {
  if (options.wait_strategy != WaitStrategy::hybrid) return std::chrono::nanoseconds(0);
  return options.spin_limit ? *options.spin_limit : measure_wake_up_latency(backend);
}

}  // namespace

std::shared_ptr<RingCore> RingCore::make(std::shared_ptr<Backend> backend, RingOptions options) {
  check_options(options, backend.get());
  if (options.auto_ring_size) {
    options.ring_size = first_auto_size(options, backend->queue_count());
  }
  std::shared_ptr<RingCore> core(new RingCore(std::move(backend), std::move(options)));
  RingContext& ring = core->ring_;
  ring.backend->attach({.ring_size = ring.options.ring_size,
                        .ring_name = ring.options.name,
                        .gpu_times = ring.options.gpu_times,
                        .report = [&ring](std::string_view text) {
                          ring.log.write({.event = LogEvent::backend_failure, .text = text});
                        }});
  try {
    core->read_timelines();
    core->resizing_.start();
    if (ring.options.hang_warning_ms != 0) {
      core->watchdog_.emplace([&core = *core] { return report_hangs(core.ring_); });
    }
    // On a virtual clock the backend does it.
    if (ring.coalesces && !ring.backend->has_virtual_clock()) {
      core->send_timer_.emplace([&core = *core] { return core.send_due(); });
      core->submitting_.when_gathered([&core = *core](TimePoint by) { core.send_timer_->arm(by); });
    }
  } catch (...) {
    ring.backend->detach();
    throw;
  }
  const StateAccess state(ring.state);
  state->self = core;
  return core;
}

TimePoint RingCore::send_due() noexcept {
  try {
    return retirement_.guarded([&] { return ring_.send_due(Clock::now()); });
  } catch (const DeviceLost&) {
    // Everything that was gathered has failed with it.
    return no_deadline;
  }
}

void RingCore::read_timelines() {
  for (RingQueue& queue : ring_.queues) {
    queue.gpu_timeline = ring_.backend->timeline(queue.index);
    if (queue.gpu_timeline == nullptr) return;
  }
  ring_.gpu_waits_on = ring_.queues.front().gpu_timeline->device();
}

RingCore::RingCore(std::shared_ptr<Backend> backend, RingOptions options)
    : ring_(std::move(backend), std::move(options), *this),
      strategy_(ring_.options.wait_strategy, detail::spin_limit(ring_.options, *ring_.backend)),
      retirement_(ring_, strategy_),
      submitting_(ring_, retirement_),
      leasing_(ring_, retirement_, submitting_),
      slot_wait_(ring_, retirement_, strategy_),
      resizing_(ring_, retirement_),
      callbacks_(ring_, retirement_, strategy_),
      requests_(ring_, leasing_, slot_wait_, strategy_) {}

void RingCore::close() noexcept {
  if (!ring_.gate.same_process()) {
    // In a forked child the threads are gone and the driver is not to be called: leave everything
    // as it lies.
    kept_after_fork_ = shared_from_this();
    return;
  }
  // Whoever comes from now on is refused, and whoever waits for a slot is told. In this order: whom
  // the gate refuses a thread for what a lease keeps can't submit it any more.
  ring_.ending_on = this_thread_id();
  ring_.stopped = true;
  ring_.gate.close();
  {
    // Nobody adds or removes slots, and no submission is under way, once these were free.
    const LockGuard structure_lock(ring_.structure_mutex);
    for (RingQueue& queue : ring_.queues) const LockGuard submit_lock(queue.submit_mutex);
  }
  std::uint64_t wake_number = 0;
  {
    // Nothing has to be done for slots that nobody gets any more.
    FollowUp nothing;
    const StateAccess state(ring_.state);
    state->closed = true;
    state->take_back_granted(nothing);
    state->wake_waiting_threads();
    wake_number = state->last_wake_number();
  }
  ring_.wake(wake_number);
  end_sequences_of_leases();
  // What is still held waits for what may never come.
  for (RingQueue& queue : ring_.queues) submitting_.fail_held(queue);
  wait_until_idle();
  watchdog_.reset();
  send_timer_.reset();
  // In this order: a visit may leave the threads something to run.
  ring_.gate.wait_until_empty();
  callbacks_.stop();
  requests_.stop();
  abandon_leased_slots();
  ring_.ending_on = Thread::id();
  for (RingQueue& queue : ring_.queues) {
    // Whoever waits for it has one of its own. It goes once the lock is free.
    std::shared_ptr<const QueueTimeline> timeline;
    const StateAccess state(ring_.state);
    timeline.swap(queue.gpu_timeline);
  }
  ring_.backend->detach();
  ring_.log.close();
  // The core goes with the last lease, ticket or callback, or now.
  std::shared_ptr<RingCore> self;
  const StateAccess state(ring_.state);
  if (state->unused()) self = std::move(state->self);
}

void RingCore::end_sequences_of_leases() noexcept {
  {
    // All at once, before anything is sent: a lease that ends from now on finds that its place is
    // given up, and has nothing to send.
    const StateAccess state(ring_.state);
    for (std::uint32_t i = 0; i < state->slots.extent(); ++i) {
      Submission* const submission = state->slots[SlotIndex{i}].submission;
      if (submission == nullptr || submission->sequence == nullptr) continue;
      if (submission->phase.load() == Phase::leased) submission->sequence->give_up(*submission);
    }
  }
  for (std::uint32_t i = 0;; ++i) {
    std::shared_ptr<SequenceRecord> sequence;
    {
      const StateAccess state(ring_.state);
      if (i >= state->slots.extent()) return;
      Submission* const submission = state->slots[SlotIndex{i}].submission;
      if (submission == nullptr || submission->sequence == nullptr) continue;
      if (submission->phase.load() == Phase::held) sequence = submission->sequence;
    }
    if (sequence != nullptr) submitting_.send_held(*sequence);
  }
}

void RingCore::wait_until_idle() noexcept {
  Backoff backoff;
  for (RingQueue& queue : ring_.queues) {
    for (;;) {
      try {
        // Not to be interrupted: what is in flight uses what is destroyed next.
        retirement_.wait_serial(queue, queue.timeline.last_submitted(), Interruptible::no);
        break;
      } catch (const DeviceLost&) {
        // Everything in flight has failed with it, and the GPU doesn't use anything any more.
        break;
      } catch (...) {
        // The GPU may still be at work: nothing must be destroyed before it is known to be done.
        if (backoff.is_fresh()) {
          ring_.log.failure(LogEvent::backend_failure, "the ring's end waits, but the wait failed",
                            std::current_exception());
        }
        std::this_thread::sleep_for(backoff.next());
      }
    }
  }
}

void RingCore::abandon_leased_slots() noexcept {
  for (std::uint32_t i = 0;; ++i) {
    const SlotIndex slot{i};
    Label label;
    std::source_location acquired_at;
    {
      const LogHold hold;
      const StateAccess state(ring_.state);
      if (i >= state->slots.extent()) return;
      Submission* const submission = state->slots[slot].submission;
      if (submission == nullptr) continue;
      submission->abandoned = ring_.backend->abandon(slot);
      state->slots.lose(slot);
      label = submission->label;
      acquired_at = submission->acquired_at;
    }
    try {
      const std::string text = leased_at_end_text(slot, label, acquired_at);
      ring_.log.write({.event = LogEvent::leased_at_end,
                       .text = text,
                       .slot = slot,
                       .label = label.view(),
                       .acquired_at = acquired_at});
    } catch (...) {
      // No memory for the text: the lease stays safe all the same.
      continue;
    }
  }
}

}  // namespace cbr::detail
