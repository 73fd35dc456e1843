#include "core/ring_state.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/sequence_record.h"

namespace cbr::detail {

RingState::RingState(const RingOptions& its_options, const std::vector<float>& queue_priorities,
                     RingCore& core, std::vector<RingQueue>& queues, Atomic<bool>& full)
    : options(its_options),
      slots(options.ring_size, static_cast<std::uint32_t>(queues.size())),
      admission(options, queue_priorities),
      // Twice the slots, so that a program that looks at each ticket a step later never allocates.
      pool(core, 2 * options.ring_size),
      callbacks(core),
      requests(core),
      counter(options.track_statistics),
      waiters(static_cast<std::uint32_t>(queues.size()),
              admission.has_levels() ? options.priority_levels : 1, options.ageing_limit),
      queues_(queues),
      full_(full),
      completion_threads_(queues.size()),
      watched_(queues.size()),
      forecasts_(queues.size()),
      meters_(queues.size()) {
  lead.points.reserve(queues.size());
}

void RingState::require_usable() const {
  if (lost != nullptr) std::rethrow_exception(lost);
  if (closed) throw InvalidUsage(fmt::format("{}: the ring is gone", options.name));
}

Submission* RingState::lease(const SlotRequest& request) {
  const auto slot = admission.choose(slots, request);
  if (!slot) return nullptr;
  Submission& submission = pool.take();
  lease(request, *slot, submission);
  if (tries.empty()) return &submission;
  // It wanted a slot from its first try on, if there was none then.
  const auto tried_since = tries.take(this_thread_id());
  if (tried_since && submission.times.slot_free > *tried_since) {
    submission.times.acquire_begin = *tried_since;
  }
  return &submission;
}

void RingState::lease(const SlotRequest& request, SlotIndex slot, Submission& submission) {
  const TimePoint free_since = admission.free_since(slots, request, slot);
  slots.take(slot, request.level, submission);
  submission.slot = slot;
  submission.queue = slots[slot].queue;
  submission.label.assign(request.label);
  submission.acquired_at = request.where;
  submission.times.acquire_begin = request.asked_at;
  submission.times.slot_free = free_since;
  if (request.sequence != nullptr) {
    submission.sequence = *request.sequence;
    submission.sequence->reserve(submission);
  }
  admission.leased(submission.queue, request.level);
  if (!slots.has_free()) full_.store(true, std::memory_order_relaxed);
  counter.acquired();
}

void RingState::serve_waiters(FollowUp& follow_up) {
  // They have been woken, to learn that there is nothing to be had any more.
  if (closed || lost != nullptr) return;
  while (const auto grant = waiters.take_next(admission, slots)) {
    Waiter& waiter = *grant->waiter;
    lease(waiter.request, grant->slot, *waiter.submission);
    waiter.granted = true;
    WaitingThread& thread = *waiter.thread;
    thread.waiting.remove(waiter);
    thread.granted.push_back(waiter);
    // Under the lock: once it is free, the thread may return and take its condition variable along.
    thread.wake_up.notify_one();
    if (&thread == lead.thread && !lead.awake.load(std::memory_order_relaxed)) {
      follow_up.wake(lead.wake_number);
    }
  }
}

void RingState::wake_waiting_threads() {
  for (WaitingThread* thread = waiting_threads.front(); thread != nullptr; thread = thread->next) {
    thread->wake_up.notify_one();
  }
  acquire_thread.waits.wake_up.notify_one();
}

WaitingThread* RingState::next_leader() {
  if (WaitingThread* const first = waiting_threads.front()) return first;
  return waiters.empty() ? nullptr : &acquire_thread.waits;
}

void RingState::take_back_granted(FollowUp& follow_up) {
  for (Waiter* waiter = acquire_thread.waits.granted.front(); waiter != nullptr;
       waiter = waiter->next) {
    end_after_ring(*std::exchange(waiter->submission, nullptr), follow_up);
  }
}

void RingState::hold(Submission& submission) {
  ++held_;
  submission.phase.store(Phase::held, std::memory_order_release);
}

void RingState::send(Submission& submission, FollowUp& follow_up) {
  if (submission.phase.load(std::memory_order_relaxed) == Phase::held) --held_;
  if (submission.sequence != nullptr) submission.sequence->give_up(submission);
  RingQueue& queue = queues_[to_number(submission.queue)];
  const Serial serial = queue.timeline.next();
  queue.timeline.push(submission);
  // Afterwards: who finds a serial finds it in the timeline too.
  submission.serial.store(serial.value(), std::memory_order_release);
  submission.phase.store(Phase::in_flight, std::memory_order_release);
  if (submission.watched()) {
    watched(submission.queue).watch(submission);
    completion_thread(submission.queue).changed.notify_one();
  }
  wake_sleepers(submission);
  resume_dependants(submission, follow_up);
}

void RingState::resume_dependants(Submission& submission, FollowUp& follow_up) {
  while (Submission* const dependant = submission.dependants.pop_front()) {
    follow_up.resumed.push_back(*dependant);
  }
}

void RingState::note_submission(RingQueue& queue, FollowUp& follow_up) {
  if (lead.thread == nullptr) {
    // Nobody waited in the backend, because nothing was in flight.
    if (WaitingThread* const next = next_leader()) next->wake_up.notify_one();
    return;
  }
  const bool known =
      std::any_of(lead.points.begin(), lead.points.end(),
                  [&](const SyncPoint& point) { return point.queue == queue.index; });
  if (known) return;
  lead.thread->wake_up.notify_one();
  follow_up.wake(lead.wake_number);
}

void RingState::free_slot(Submission& submission, TimePoint since) {
  const SlotIndex slot = submission.slot;
  admission.freed(submission.queue, slots[slot].level);
  slots.free(slot, since);
  full_.store(false, std::memory_order_relaxed);
}

void RingState::retire(Submission& submission, FollowUp& follow_up) {
  if (submission.completion.interval) {
    admission.measured(submission.queue,
                       submission.completion.interval->end - submission.completion.interval->start);
  }
  // Of samples nobody can tell what lies between them.
  if (options.track_statistics && options.gpu_times == GpuTimes::both) {
    meters_[to_number(submission.queue)].ended(submission.completion, submission.times);
  }
  if (sizing_window) sizing_window->add(submission);
  free_slot(submission, submission.times.gpu ? submission.times.gpu->end : TimePoint{});
  resolve(submission, follow_up);
}

void RingState::lose(const std::exception_ptr& cause, FollowUp& follow_up) {
  lost = cause;
  wake_waiting_threads();
  for (std::uint32_t i = 0; i < slots.extent(); ++i) {
    Submission* const submission = slots[SlotIndex{i}].submission;
    if (submission != nullptr && submission->phase.load() == Phase::held) {
      fail(*submission, follow_up);
    }
  }
  for (RingQueue& queue : queues_) {
    fail_in_flight(queue, follow_up);
    completion_thread(queue.index).changed.notify_one();
  }
  // Whoever waits in the backend.
  follow_up.wake(wake_numbers_);
}

void RingState::fail_in_flight(RingQueue& queue, FollowUp& follow_up) {
  const Timeline& timeline = queue.timeline;
  const Serial last = timeline.last_submitted();
  if (!queue.lost_after) {
    queue.lost_after = Serial(std::max(timeline.retired().value(), queue.claimed.load()));
    queue.lost_up_to = *queue.lost_after;
  }
  Serial serial = queue.lost_up_to;
  while (!serial.covers(last)) {
    serial = serial.next();
    fail(timeline[serial], follow_up);
  }
  queue.lost_up_to = serial;
}

void RingState::fail_claimed(RingQueue& queue, Serial last, FollowUp& follow_up) {
  const Timeline& timeline = queue.timeline;
  // What lies beyond was not claimed yet when the loss came.
  const Serial end(std::min(last.value(), queue.lost_after->value()));
  for (Serial serial = timeline.retired().next(); end.covers(serial); serial = serial.next()) {
    fail(timeline[serial], follow_up);
  }
  // They are not failed twice.
  queue.lost_after = timeline.retired();
}

void RingState::fail(Submission& submission, FollowUp& follow_up) {
  if (submission.phase.load(std::memory_order_relaxed) == Phase::held) {
    --held_;
    counter.submitted_unsent();
  }
  if (submission.sequence != nullptr) submission.sequence->give_up(submission);
  submission.completion.error = lost;
  admission.freed(submission.queue, slots[submission.slot].level);
  slots.lose(submission.slot);
  resolve(submission, follow_up);
}

void RingState::refuse(Submission& submission, const std::exception_ptr& error,
                       FollowUp& follow_up) {
  --held_;
  counter.submitted_unsent();
  if (submission.sequence != nullptr) submission.sequence->give_up(submission);
  submission.completion.error = error;
  free_slot(submission);
  resolve(submission, follow_up);
}

void RingState::resolve(Submission& submission, FollowUp& follow_up) {
  counter.ended(submission.completion.error != nullptr);
  submission.phase.store(Phase::ended, std::memory_order_relaxed);
  // Before others can see it: a ticket that finds it done may add nothing to it any more.
  const bool watched_by_thread = submission.watched();
  submission.done.store(true, std::memory_order_release);
  wake_sleepers(submission);
  resume_dependants(submission, follow_up);
  if (!submission.after.empty()) {
    submission.references.fetch_add(1, std::memory_order_relaxed);
    follow_up.settled.push(submission);
  }
  if (watched_by_thread) {
    // The completion thread has the ring's reference now.
    watched(submission.queue).ended(submission);
    completion_thread(submission.queue).changed.notify_one();
    return;
  }
  // With one reference left it is this one, and nobody can make another.
  if (submission.references.load(std::memory_order_acquire) == 1 ||
      submission.references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    take_back(submission, follow_up);
  }
}

void RingState::wake_sleepers(Submission& submission) {
  // Under the lock: the sleepers are on the stacks of those who wait.
  for (Sleeper* sleeper = submission.sleepers.front(); sleeper != nullptr;
       sleeper = sleeper->next) {
    sleeper->wake_up.notify_one();
  }
}

void RingState::end_unsubmitted(Submission& submission, TimePoint now, FollowUp& follow_up) {
  if (submission.sequence != nullptr) submission.sequence->give_up(submission);
  free_slot(submission, now);
  counter.discarded();
  give_back(submission, follow_up);
  serve_waiters(follow_up);
  settle(follow_up);
}

void RingState::end_after_ring(Submission& submission, FollowUp& follow_up) {
  if (submission.sequence != nullptr) submission.sequence->give_up(submission);
  // Unless the ring's end has left the slot to its lease already. Nobody gets it any more, not even
  // one who waits in a call that came before the end: the backend goes on recording.
  if (slots[submission.slot].submission == &submission) slots.lose(submission.slot);
  counter.discarded();
  give_back(submission, follow_up);
}

void RingState::take_back(Submission& submission, FollowUp& follow_up) {
  const auto& error = submission.completion.error;
  if (error != nullptr && error != lost && !submission.looked_at.load(std::memory_order_relaxed)) {
    follow_up.unseen_failures.push(submission);
    return;
  }
  give_back(submission, follow_up);
}

void RingState::give_back(Submission& submission, FollowUp& follow_up) {
  pool.give_back(submission);
  let_core_go(follow_up);
}

void RingState::give_back(CallbackNode& node, FollowUp& follow_up) {
  callbacks.give_back(node);
  let_core_go(follow_up);
}

void RingState::give_back(AcquireRequest& request, FollowUp& follow_up) {
  requests.give_back(request);
  let_core_go(follow_up);
}

void RingState::let_core_go(FollowUp& follow_up) {
  if (closed && unused()) follow_up.core = std::move(self);
}

void RingState::notify_completion_thread(QueueIndex queue, Serial serial, FollowUp& follow_up) {
  CompletionThread& thread = completion_thread(queue);
  thread.changed.notify_one();
  // It may be waiting for newer work, which may never end.
  if (serial.value() < thread.waits_for.value()) follow_up.wake(thread.wake_number);
}

void RingState::settle(FollowUp& follow_up) {
  if (slots.has_outside()) follow_up.outside_slots = true;
}

void RingState::read(RingStatistics& statistics, TimePoint now) const {
  // A submission needs no lock to be sent: each timeline is looked at once, so that all numbers
  // are of one moment, and what follows from them is reckoned from them.
  std::uint64_t sent = 0;
  for (const RingQueue& queue : queues_) sent += queue.timeline.last_submitted().value();
  counter.read(statistics, sent, held_);
  statistics.coalesced = coalesced() - coalesced_before_;
  statistics.ring_size = slots.size();
  statistics.current_index = to_number(slots.cursor());
  GpuActivity all;
  for (const observe::ActivityMeter& meter : meters_) all += meter.activity();
  all.queues = static_cast<std::uint32_t>(meters_.size());
  if (all.submissions > 0) {
    statistics.gpu = all;
    for (const observe::ActivityMeter& meter : meters_) {
      if (meters_.size() == 1) break;
      statistics.gpu_by_queue.push_back(meter.activity());
      statistics.gpu_by_queue.back().queues = 1;
    }
  }
  read_slots(statistics, now);
}

void RingState::read_slots(RingStatistics& statistics, TimePoint now) const {
  const std::chrono::nanoseconds limit = std::chrono::milliseconds(options.hang_warning_ms);
  for (std::uint32_t i = 0; i < slots.extent(); ++i) {
    const Submission* const submission = slots[SlotIndex{i}].submission;
    if (submission == nullptr) continue;
    const Phase phase = submission->phase.load(std::memory_order_acquire);
    if (phase == Phase::leased) {
      const TimePoint since(
          TimePoint::duration(submission->leased_since.load(std::memory_order_relaxed)));
      if (since == TimePoint{}) continue;
      const double held_ms = std::chrono::duration<double, std::milli>(now - since).count();
      if (held_ms <= statistics.oldest_lease_ms) continue;
      statistics.oldest_lease_ms = held_ms;
      statistics.oldest_lease_slot = i;
    }
    if (phase != Phase::in_flight && phase != Phase::held) continue;
    if (limit.count() > 0 && now - submission->submit_time >= limit) ++statistics.hanging;
  }
}

std::uint64_t RingState::coalesced() const {
  std::uint64_t sum = 0;
  for (const RingQueue& queue : queues_) sum += queue.coalesced.load(std::memory_order_relaxed);
  return options.track_statistics ? sum : 0;
}

void RingState::reset_statistics(TimePoint now) {
  std::uint64_t sent = 0;
  for (const RingQueue& queue : queues_) sent += queue.timeline.last_submitted().value();
  counter.reset(sent, held_);
  coalesced_before_ = coalesced();
  for (observe::ActivityMeter& meter : meters_) meter.reset(now);
  ++resets;
  waiters.for_each([&](Waiter& waiter) {
    counter.wait_started();
    waiter.counted_from = now;
    waiter.resets = resets;
  });
}

SlotIndex RingState::in_the_way() const {
  std::optional<SlotIndex> found;
  const Submission* oldest = nullptr;
  for (std::uint32_t i = 0; i < slots.extent(); ++i) {
    const Submission* const submission = slots[SlotIndex{i}].submission;
    if (submission == nullptr) continue;
    if (submission->phase.load(std::memory_order_acquire) != Phase::in_flight) continue;
    const auto age = [](const Submission& other) {
      return std::pair(other.submit_time, other.serial.load(std::memory_order_relaxed));
    };
    if (oldest != nullptr && age(*oldest) <= age(*submission)) continue;
    oldest = submission;
    found = SlotIndex{i};
  }
  return found.value_or(slots.cursor());
}

}  // namespace cbr::detail
