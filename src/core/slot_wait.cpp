#include "core/slot_wait.h"

#include <chrono>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/callbacks.h"
#include "core/messages.h"

namespace cbr::detail {

SlotWait::Result SlotWait::take(const SlotRequest& request, TimePoint deadline, bool limited) {
  const bool may_wait = deadline != no_wait;
  Result result = look(request);
  if (result.submission != nullptr || result.failure != nullptr) return result;
  ThreadWait wait(ring_, strategy_, deadline);
  WaitingThread thread;
  Waiter self;
  self.request = request;
  self.thread = &thread;
  SlotIndex in_the_way{};
  Leading leading;
  {
    const StateAccess state(ring_.state);
    state->require_usable();
    // Waiters have been offered every slot that is free, so to take one overtakes nobody.
    result.submission = state->lease(request);
    if (result.submission != nullptr) return result;
    if (!may_wait || wait.expired()) {
      state->tries.add(this_thread_id(), request.asked_at);
      if (limited) {
        state->counter.wait_started();
        state->counter.timed_out();
      }
      return result;
    }
    if (runs_callbacks_of(ring_)) {
      throw InvalidUsage(
          fmt::format("{}: no slot is free, and a callback of the ring must not wait for one",
                      ring_.options.name));
    }
    enter(*state, self);
    if (const auto tried_since = state->tries.take(this_thread_id())) {
      self.request.asked_at = *tried_since;
    }
    if (ring_.options.log_wait_events) in_the_way = state->in_the_way();
    try_to_lead(*state, thread, leading);
  }
  FollowUp follow_up;
  try {
    report_waiting(in_the_way);
    while (!wait_once(self, wait, leading, follow_up)) {
    }
  } catch (...) {
    result.failure = std::current_exception();
    const StateAccess state(ring_.state);
    if (leading) state->lead.end();
    leave(*state, self, follow_up);
  }
  ring_.follow_up(follow_up);
  if (self.granted) result.submission = self.submission;
  result.waited = ring_.backend->now() - self.since;
  return result;
}

SlotWait::Result SlotWait::look(const SlotRequest& request) {
  Result result;
  SlotSeeker seeker{request};
  try {
    retirement_.collect_all(Retirement::Turn::skip, &seeker);
  } catch (...) {
    result.failure = std::current_exception();
  }
  // It may have got one before that failed.
  result.submission = seeker.submission;
  if (result.submission != nullptr || result.failure != nullptr) return result;
  if (seeker.failure != nullptr) std::rethrow_exception(seeker.failure);
  return result;
}

void SlotWait::report_waiting(SlotIndex in_the_way) const noexcept {
  if (!ring_.options.log_wait_events) return;
  try {
    const std::string text = waiting_text(in_the_way);
    ring_.log.write(
        {.level = LogLevel::debug, .event = LogEvent::waiting, .text = text, .slot = in_the_way});
  } catch (...) {
    // A line that there is no memory for is lost, and not the request.
    return;
  }
}

void SlotWait::enter(RingState& state, Waiter& self) {
  // First what may throw.
  state.waiters.push(self);
  try {
    self.submission = &state.pool.take();
  } catch (...) {
    state.waiters.remove(self);
    throw;
  }
  self.since = self.counted_from = ring_.backend->now();
  self.resets = state.resets;
  self.next_report = self.since + std::chrono::milliseconds(ring_.options.hang_warning_ms);
  self.thread->waiting.push_back(self);
  if (self.thread != &state.acquire_thread.waits) state.waiting_threads.push_back(*self.thread);
  state.counter.wait_started();
}

bool SlotWait::wait_once(Waiter& self, ThreadWait& wait, Leading& leading, FollowUp& follow_up) {
  if (leading) lead(wait, leading);
  {
    StateAccess state(ring_.state);
    if (leading) state->lead.end();
    leading.awake = nullptr;
    if (!self.granted) state->require_usable();
    const bool expired = !self.granted && wait.expired();
    if (self.granted || expired) {
      if (expired) {
        state->counter.timed_out();
        state->tries.add(this_thread_id(), self.request.asked_at);
      }
      leave(*state, self, follow_up);
      return true;
    }
    try_to_lead(*state, *self.thread, leading);
    if (leading) return false;
    wait.sleep(state, self.thread->wake_up);
  }
  wait.pause();
  return false;
}

void SlotWait::leave(RingState& state, Waiter& self, FollowUp& follow_up) {
  WaitingThread& thread = *self.thread;
  (self.granted ? thread.granted : thread.waiting).remove(self);
  if (&thread != &state.acquire_thread.waits) state.waiting_threads.remove(thread);
  if (!self.granted) {
    state.waiters.remove(self);
    state.give_back(*self.submission, follow_up);
  }
  // A wait that was over before the statistics were reset is not theirs any more.
  if (self.resets == state.resets) {
    state.counter.wait_ended(ring_.backend->now() - self.counted_from);
  }
  // Someone has to wait in the backend for those who stay.
  pass_on_lead(state);
}

void SlotWait::pass_on_lead(RingState& state) {
  if (state.lead.thread != nullptr) return;
  look_for_work(state);
  WaitingThread* const next = state.next_leader();
  if (next != nullptr && !state.lead.points.empty()) next->wake_up.notify_one();
}

void SlotWait::look_for_work(RingState& state) {
  const bool anyone = !state.waiters.empty();
  state.lead.points.clear();
  for (RingQueue& queue : ring_.queues) {
    if (!anyone) {
      queue.wanted.store(false, std::memory_order_relaxed);
      continue;
    }
    // In this order: a submission that is not seen here sees that it is wanted.
    queue.wanted = true;
    if (const auto oldest = queue.timeline.oldest()) {
      state.lead.points.push_back({queue.index, *oldest});
    }
  }
}

void SlotWait::try_to_lead(RingState& state, WaitingThread& thread, Leading& leading) {
  if (state.lead.thread != nullptr) return;
  look_for_work(state);
  if (state.lead.points.empty()) return;
  // Only what it doesn't wait for yet would be news to it.
  for (const SyncPoint& point : state.lead.points) {
    ring_.queue(point.queue).wanted.store(false, std::memory_order_relaxed);
  }
  state.lead.begin(thread, state.next_wake_number());
  leading.points = state.lead.points;
  leading.wake_number = state.lead.wake_number;
  leading.awake = &state.lead.awake;
  leading.thread = &thread;
}

bool SlotWait::nap(ThreadWait& wait, const Leading& leading) {
  // It may sleep for long before it asks the backend.
  retirement_.guarded([&] { ring_.send_gathered(leading.points); });
  std::optional<TimePoint> until;
  {
    const StateAccess state(ring_.state);
    for (const SyncPoint& point : leading.points) {
      const auto end = ring_.nap_before(*state, point, true);
      // One of them may end at any moment.
      if (!end) return true;
      until = until ? std::min(*until, *end) : *end;
    }
  }
  const auto over = [&](const RingState& state) {
    return !leading.thread->granted.empty() || state.lost != nullptr || state.closed;
  };
  // What has been submitted to another queue has woken it, and ends the nap.
  const auto news = [&] { return wait.look(leading.points, leading.wake_number); };
  return wait.nap(leading.thread->wake_up, *until, over, [&] { return retirement_.guarded(news); });
}

void SlotWait::lead(ThreadWait& wait, const Leading& leading) {
  if (ring_.naps && !nap(wait, leading)) return;
  const WaitStatus status = retirement_.wait_in_backend(wait, leading.points, leading.wake_number);
  leading.awake->store(true, std::memory_order_relaxed);
  // After a timeout too: a slot that got free just now is better than an error.
  if (status != WaitStatus::woken) retirement_.collect_all(Retirement::Turn::wait);
}

}  // namespace cbr::detail
