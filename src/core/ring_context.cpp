#include "core/ring_context.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "core/ring_core.h"

namespace cbr::detail {
namespace {

std::vector<float> queue_priorities(const Backend& backend) {
  std::vector<float> priorities;
  for (std::uint32_t i = 0; i < backend.queue_count(); ++i) {
    priorities.push_back(backend.queue_priority(QueueIndex{i}));
  }
  return priorities;
}

}  // namespace

RingContext::RingContext(std::shared_ptr<Backend> its_backend, RingOptions its_options,
                         RingCore& core)
    : options(std::move(its_options)),
      backend(std::move(its_backend)),
      naps(options.wait_strategy == WaitStrategy::adaptive && backend->waits_spin() &&
           !backend->has_virtual_clock()),
      notes_submit_times(naps || options.hang_warning_ms != 0),
      // Without both times of every submission there are no gaps to be explained.
      notes_times(options.observer != nullptr || options.auto_ring_size ||
                  (options.track_statistics && options.gpu_times == GpuTimes::both)),
      coalesces(options.coalescing && backend->coalesces()),
      log(options.name, options.log_sink),
      queues(backend->queue_count()),
      ring_size(options.ring_size),
      state(options, queue_priorities(*backend), core, queues, full) {
  for (std::uint32_t i = 0; i < queues.size(); ++i) {
    queues[i].index = QueueIndex{i};
    // As many as the queue can ever have slots: growing it would need a lock.
    queues[i].timeline.reserve((max_ring_size + queue_count() - 1) / queue_count());
  }
}

void RingContext::send_gathered(std::span<const SyncPoint> points) {
  if (!coalesces) return;
  for (const SyncPoint& point : points) {
    RingQueue& its_queue = queue(point.queue);
    if (its_queue.is_gathered(point.serial)) send_gathered(its_queue);
  }
}

void RingContext::send_gathered(RingQueue& queue) {
  const LogHold hold;
  const LockGuard lock(queue.submit_mutex);
  flush(queue);
}

void RingContext::try_send_gathered(RingQueue& queue) {
  const LogHold hold;
  if (!queue.submit_mutex.try_lock()) return;
  const LockGuard lock(queue.submit_mutex, std::adopt_lock);
  try {
    flush(queue);
  } catch (const DeviceLost&) {
    throw;
  } catch (...) {
    return;
  }
}

TimePoint RingContext::send_due(TimePoint now) {
  constexpr std::chrono::milliseconds moment(1);
  TimePoint next = no_deadline;
  for (RingQueue& each : queues) {
    if (each.send_by.load() <= now) try_send_gathered(each);
    // It may be there still, or again.
    const TimePoint send_by = each.send_by.load();
    next = std::min(next, send_by > now ? send_by : now + moment);
  }
  return next;
}

void RingContext::flush(RingQueue& queue) {
  if (queue.gathered == 0) return;
  backend->flush(queue.index);
  note_sent(queue, queue.timeline.last_submitted());
}

void RingContext::note_sent(RingQueue& queue, Serial serial) {
  if (!coalesces) return;
  if (is_sent_by_backend(queue)) note_due_as_sent(queue);
  note_sent(queue, serial, backend->now());
}

void RingContext::settle_due(RingQueue& queue) {
  if (!is_sent_by_backend(queue)) return;
  // It has nothing left to hand over, but is told so by every sending.
  backend->flush(queue.index);
  note_due_as_sent(queue);
}

bool RingContext::is_sent_by_backend(const RingQueue& queue) const {
  return queue.gathered > 0 && backend->has_virtual_clock() &&
         backend->now() >= queue.send_by.load(std::memory_order_relaxed);
}

void RingContext::note_due_as_sent(RingQueue& queue) {
  note_sent(queue, queue.timeline.last_submitted(), queue.send_by.load(std::memory_order_relaxed));
}

void RingContext::note_sent(RingQueue& queue, Serial serial, TimePoint at) {
  const std::uint64_t together = queue.backlog.sent(serial, at);
  if (queue.gathered == 0) return;
  queue.coalesced.fetch_add(together - 1, std::memory_order_relaxed);
  if (notes_times) {
    const StateAccess access(state);
    // Lost, they are nobody's any more.
    for (std::uint64_t i = queue.gathered_from.load(std::memory_order_relaxed);
         access->lost == nullptr && i <= queue.timeline.last_submitted().value(); ++i) {
      queue.timeline[Serial(i)].times.gathered_until = at;
    }
  }
  queue.gathered = 0;
  queue.send_by.store(no_deadline, std::memory_order_relaxed);
  queue.gathered_from.store(RingQueue::nothing_gathered, std::memory_order_release);
}

void RingContext::require_queue(std::optional<QueueIndex> queue, std::string_view who) const {
  if (!queue || to_number(*queue) < queue_count()) return;
  throw InvalidOption(fmt::format("{}: {} asks for queue {}, the backend has {}", options.name, who,
                                  to_number(*queue), queue_count()));
}

void RingContext::see_to(FollowUp& follow_up) noexcept {
  wake(follow_up.wake_number);
  while (Submission* const submission = follow_up.unseen_failures.pop()) {
    log.unseen_failure(*submission);
    const StateAccess access(state);
    access->give_back(*submission, follow_up);
  }
  while (Submission* const submission = follow_up.settled.pop()) {
    const Ticket ticket = TicketAccess::make(*submission);
    // Not before: whoever sends what is held may be looking at it.
    Dependencies waited_for;
    const LockGuard lock(queue(submission->queue).submit_mutex);
    waited_for = std::move(submission->after);
  }
  if (follow_up.outside_slots) sweep_outside_slots();
  while (Submission* const submission = follow_up.resumed.pop_front()) {
    submission->core->resume(*submission, follow_up.resumed);
  }
}

void RingContext::sweep_outside_slots() noexcept {
  for (;;) {
    {
      const StateAccess access(state);
      if (access->closed || !access->slots.has_outside()) return;
    }
    const LogHold hold;
    if (!structure_mutex.try_lock()) return;
    const LockGuard lock(structure_mutex, std::adopt_lock);
    remove_outside_slots();
  }
}

std::optional<TimePoint> RingContext::nap_before(RingState& its_state, SyncPoint point,
                                                 bool may_be_late) {
  if (!naps) return std::nullopt;
  const Timeline& timeline = queue(point.queue).timeline;
  const auto oldest = timeline.oldest();
  if (!oldest || !point.serial.covers(*oldest)) return std::nullopt;
  const std::uint64_t steps = point.serial.value() - oldest->value() + 1;
  const auto estimate =
      its_state.forecast(point.queue).expect(steps, timeline[*oldest].submit_time);
  if (!estimate) return std::nullopt;
  const std::uint64_t behind = timeline.last_submitted().value() - point.serial.value();
  return nap_end(*estimate, behind, may_be_late, lateness.expected(), backend->now());
}

void RingContext::wake(std::uint64_t wake_number) const noexcept {
  if (wake_number == 0) return;
  try {
    backend->wake(wake_number);
  } catch (const DeviceLost&) {
    // Those who wait learn of it in their own call.
    return;
  } catch (...) {
    // Backends look at wake numbers now and then, too: it comes late, but it comes.
    log.failure(LogEvent::backend_failure, "a waiting thread can't be woken",
                std::current_exception());
  }
}

void RingContext::remove_outside_slots() noexcept {
  for (;;) {
    std::optional<SlotIndex> slot;
    {
      const StateAccess access(state);
      // The backend may serve another ring by now.
      if (access->closed) return;
      slot = access->slots.take_outside();
    }
    if (!slot) return;
    backend->remove_slot(*slot);
  }
}

void RingContext::require_same_process() const {
  if (gate.same_process()) return;
  throw InvalidUsage(
      fmt::format("{}: the ring belongs to the process that made it, and this one was forked off",
                  options.name));
}

void RingContext::require_usable() {
  {
    const StateAccess access(state);
    access->require_usable();
  }
  // The end has begun, and the state doesn't say so yet.
  if (!gate.is_open()) throw InvalidUsage(fmt::format("{}: the ring is gone", options.name));
}

}  // namespace cbr::detail
