#include "core/slot_wait.h"

#include <chrono>
#include <string>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/callbacks.h"
#include "core/messages.h"

namespace cbr::detail {

SlotWait::Result SlotWait::take(const SlotRequest& request, TimePoint deadline, bool limited) {
  const bool may_wait = deadline != no_wait;
  retirement_.collect_all(Retirement::Turn::skip);
  ThreadWait wait(ring_, strategy_, deadline);
  Waiter self;
  self.request = request;
  SlotIndex in_the_way{};
  {
    const StateAccess state(ring_.state);
    state->require_usable();
    // Waiters have been offered every slot that is free, so to take one overtakes nobody.
    if (Submission* const submission = state->lease(request)) return {.submission = submission};
    if (!may_wait || wait.expired()) {
      if (limited) {
        state->counter.wait_started();
        state->counter.timed_out();
      }
      return {};
    }
    if (runs_callbacks_of(ring_)) {
      throw InvalidUsage(
          fmt::format("{}: no slot is free, and a callback of the ring must not wait for one",
                      ring_.options.name));
    }
    enter(*state, self);
    if (ring_.options.log_wait_events) in_the_way = state->in_the_way();
  }
  const TimePoint start = self.since;
  Result result;
  try {
    if (ring_.options.log_wait_events) {
      const std::string text = waiting_text(in_the_way);
      ring_.log.write(
          {.level = LogLevel::debug, .event = LogEvent::waiting, .text = text, .slot = in_the_way});
    }
    this->wait(self, wait);
  } catch (...) {
    result.failure = std::current_exception();
  }
  leave(self);
  if (self.granted) result.submission = self.submission;
  result.waited = ring_.backend->now() - start;
  return result;
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
  state.counter.wait_started();
}

void SlotWait::wait(Waiter& self, ThreadWait& wait) {
  for (;;) {
    std::uint64_t wake_number = 0;
    std::span<const SyncPoint> points;
    {
      StateAccess state(ring_.state);
      if (self.granted) return;
      state->require_usable();
      if (wait.expired()) {
        state->counter.timed_out();
        return;
      }
      wake_number = try_to_lead(*state, self);
      // Nobody else touches them while this thread leads.
      points = state->lead.points;
      if (wake_number == 0) wait.sleep(state, self.wake_up);
    }
    if (wake_number != 0) {
      lead(self, wait, points, wake_number);
    } else {
      wait.pause();
    }
  }
}

void SlotWait::leave(Waiter& self) {
  FollowUp follow_up;
  {
    const StateAccess state(ring_.state);
    if (!self.granted) {
      state->waiters.remove(self);
      state->give_back(*self.submission, follow_up);
    }
    // A wait that was over before the statistics were reset is not theirs any more.
    if (self.resets == state->resets) {
      state->counter.wait_ended(ring_.backend->now() - self.counted_from);
    }
    if (state->lead.waiter == nullptr) {
      // Someone has to wait in the backend for those who stay, if there is anything to wait for.
      look_for_work(*state);
      Waiter* const first = state->waiters.front();
      if (first != nullptr && !state->lead.points.empty()) first->wake_up.notify_one();
    }
  }
  ring_.follow_up(follow_up);
}

void SlotWait::look_for_work(RingState& state) {
  const bool anyone = !state.waiters.empty();
  state.lead.points.clear();
  for (RingQueue& queue : ring_.queues) {
    // In this order: a submission that is not seen here sees that it is wanted.
    queue.wanted = anyone;
    if (!anyone) continue;
    if (const auto oldest = queue.timeline.oldest()) {
      state.lead.points.push_back({queue.index, *oldest});
    }
  }
}

std::uint64_t SlotWait::try_to_lead(RingState& state, Waiter& self) {
  if (state.lead.waiter != nullptr) return 0;
  look_for_work(state);
  if (state.lead.points.empty()) return 0;
  // Only what it doesn't wait for yet would be news to it.
  for (const SyncPoint& point : state.lead.points) ring_.queue(point.queue).wanted = false;
  state.lead.waiter = &self;
  state.lead.wake_number = state.next_wake_number();
  return state.lead.wake_number;
}

bool SlotWait::nap(Waiter& self, ThreadWait& wait, std::span<const SyncPoint> points,
                   std::uint64_t wake_number) {
  std::optional<TimePoint> until;
  {
    const StateAccess state(ring_.state);
    for (const SyncPoint& point : points) {
      const auto end = ring_.nap_before(*state, point, true);
      // One of them may end at any moment.
      if (!end) return true;
      until = until ? std::min(*until, *end) : *end;
    }
  }
  const auto over = [&](const RingState& state) {
    return self.granted || state.lost != nullptr || state.closed;
  };
  // What has been submitted to another queue has woken it, and ends the nap.
  const auto news = [&] { return wait.look(points, wake_number); };
  return wait.nap(self.wake_up, *until, over, [&] { return retirement_.guarded(news); });
}

void SlotWait::lead(Waiter& self, ThreadWait& wait, std::span<const SyncPoint> points,
                    std::uint64_t wake_number) {
  struct Leadership {
    ~Leadership() {
      const StateAccess state(ring.state);
      state->lead.waiter = nullptr;
      state->lead.wake_number = 0;
      // Nobody leads: the next submission on any queue is news.
      for (RingQueue& queue : ring.queues) queue.wanted = true;
    }
    RingContext& ring;
  } leadership{ring_};
  if (ring_.naps && !nap(self, wait, points, wake_number)) return;
  const WaitStatus status =
      retirement_.guarded([&] { return wait.in_backend(points, wake_number); });
  // After a timeout too: a slot that got free just now is better than an error.
  if (status != WaitStatus::woken) retirement_.collect_all(Retirement::Turn::wait);
}

}  // namespace cbr::detail
