#include "core/completion.h"

#include <algorithm>
#include <array>

#include "core/submission.h"

namespace cbr::detail {
namespace {

/// A thread among the sleepers of a submission, as long as this lives.
class Sleep {
 public:
  Sleep(RingContext& ring, const Submission& submission)
      : ring_(ring), submission_(submission) {
    const StateAccess state(ring_.state);
    submission_.sleepers.push_back(sleeper_);
  }
  Sleep(const Sleep&) = delete;
  Sleep& operator=(const Sleep&) = delete;
  ~Sleep() {
    const StateAccess state(ring_.state);
    submission_.sleepers.remove(sleeper_);
  }
  [[nodiscard]] ConditionVariable& wake_up() { return sleeper_.wake_up; }

 private:
  RingContext& ring_;
  const Submission& submission_;
  Sleeper sleeper_;
};

}  // namespace

/// What is retired at once, so that nothing is allocated. Usually one slot has ended.
struct Retirement::Batch {
  static constexpr std::size_t size = 4;

  [[nodiscard]] bool is_full() const { return count == size; }

  std::array<CompleteEvent, size> events;
  std::size_t count = 0;
  /// Reading an outcome failed: with the loss of the device, or otherwise.
  std::exception_ptr loss;
  std::exception_ptr failure;
  SlotIndex failed_slot{};
  FollowUp follow_up;
};

void Retirement::collect(RingQueue& queue, Turn turn) {
  for (bool more = true; more;) {
    Batch batch;
    try {
      if (turn == Turn::skip) {
        if (!queue.retire_mutex.try_lock()) return;
      } else {
        queue.retire_mutex.lock();
      }
      const LockGuard lock(queue.retire_mutex, std::adopt_lock);
      retire(queue, ring_.backend->completed(queue.index), batch);
    } catch (const DeviceLost&) {
      lose(std::current_exception());
      throw;
    }
    more = batch.is_full();
    ring_.follow_up(batch.follow_up);
    if (batch.failure != nullptr) {
      ring_.log.failure(LogEvent::backend_failure, "the GPU times of a submission can't be read",
                        batch.failure);
    }
    for (std::size_t i = 0; i < batch.count; ++i) {
      ring_.observe(&Observer::on_complete, batch.events[i]);
    }
    if (batch.loss != nullptr) lose(batch.loss);
  }
}

void Retirement::collect_all(Turn turn) {
  for (RingQueue& queue : ring_.queues) collect(queue, turn);
}

void Retirement::retire(RingQueue& queue, Serial completed, Batch& batch) {
  Timeline& timeline = queue.timeline;
  // What the driver has, but whose submit call has not returned yet, comes next time.
  const Serial last = timeline.last_submitted().covers(completed) ? completed
                                                                  : timeline.last_submitted();
  const Serial retired = timeline.retired();
  if (retired.covers(last)) return;
  Serial next = retired.next();
  for (; last.covers(next) && !batch.is_full(); next = next.next()) {
    Submission& submission = timeline[next];
    finish(submission, batch);
    batch.events[batch.count++] = {submission.slot, queue.index, next,
                                   submission.completion.interval,
                                   submission.completion.error != nullptr};
  }
  const StateAccess state(ring_.state);
  for (Serial serial = retired.next(); serial.value() < next.value(); serial = serial.next()) {
    Submission& submission = timeline[serial];
    // With the first cause, be it another thread's.
    if (batch.loss != nullptr && submission.completion.error == batch.loss &&
        state->lost != nullptr) {
      submission.completion.error = state->lost;
    }
    state->retire(submission, batch.follow_up);
    timeline.retire(serial);
  }
  state->serve_waiters(batch.follow_up);
  state->settle(batch.follow_up);
}

void Retirement::finish(Submission& submission, Batch& batch) noexcept {
  try {
    submission.completion = ring_.backend->finish(submission.slot);
    auto& interval = submission.completion.interval;
    if (interval && interval->end < interval->start) interval.reset();
  } catch (const DeviceLost&) {
    batch.loss = std::current_exception();
    submission.completion = {.interval = {}, .end = {}, .error = batch.loss};
  } catch (...) {
    // It has ended well, as far as anyone knows; only its times are not to be had.
    batch.failure = std::current_exception();
    submission.completion = {};
  }
}

bool Retirement::wait(const Submission& submission, TimePoint deadline) {
  ThreadWait wait(ring_, strategy_, deadline);
  try {
    if (submission.serial.load(std::memory_order_acquire) == 0 &&
        !wait_until_sent(submission, wait)) {
      return false;
    }
    if (submission.done.load(std::memory_order_acquire)) return true;
    RingQueue& queue = ring_.queue(submission.queue);
    const SyncPoint point{submission.queue, Serial(submission.serial.load())};
    const WaitStatus status = guarded([&] { return wait.in_backend({&point, 1}, 0); });
    // After a timeout too: what ended just now is better than nothing.
    collect(queue);
    if (submission.done.load(std::memory_order_acquire)) return true;
    if (status == WaitStatus::timed_out) return false;
    // It has ended, but the thread that submitted it has not come back from the driver yet.
    return wait_for_others(submission, deadline);
  } catch (const DeviceLost&) {
    // Its record has the loss, or gets it in a moment from the thread that was first.
    return wait_for_others(submission, no_deadline);
  }
}

bool Retirement::wait_for_others(const Submission& submission, TimePoint deadline) {
  ThreadWait wait(ring_, strategy_, deadline);
  Sleep sleep(ring_, submission);
  for (;;) {
    {
      StateAccess state(ring_.state);
      if (submission.done.load(std::memory_order_relaxed)) return true;
      if (wait.expired()) return false;
      wait.sleep(state, sleep.wake_up());
      if (submission.done.load(std::memory_order_relaxed)) return true;
    }
    wait.pause();
  }
}

bool Retirement::wait_until_sent(const Submission& submission, ThreadWait& wait) {
  const auto sent = [&] {
    return submission.serial.load(std::memory_order_relaxed) != 0 ||
           submission.done.load(std::memory_order_relaxed);
  };
  Sleep sleep(ring_, submission);
  for (;;) {
    {
      StateAccess state(ring_.state);
      if (sent()) return true;
      if (wait.expired()) return false;
      wait.sleep(state, sleep.wake_up());
      if (sent()) return true;
    }
    wait.pause();
  }
}

void Retirement::wait_serial(RingQueue& queue, Serial serial, Interruptible interruptible) {
  while (!queue.timeline.retired().covers(serial)) {
    const SyncPoint point{queue.index, serial};
    ThreadWait wait(ring_, strategy_, no_deadline, interruptible);
    (void)guarded([&] { return wait.in_backend({&point, 1}, 0); });
    collect(queue);
  }
}

void Retirement::fail_in_flight(RingQueue& queue) noexcept {
  FollowUp follow_up;
  {
    const LockGuard lock(queue.retire_mutex);
    const StateAccess state(ring_.state);
    Timeline& timeline = queue.timeline;
    while (const auto oldest = timeline.oldest()) {
      Submission& submission = timeline[*oldest];
      state->lose(submission, follow_up);
      timeline.retire(*oldest);
    }
  }
  ring_.follow_up(follow_up);
}

void Retirement::lose(const std::exception_ptr& cause) noexcept {
  FollowUp follow_up;
  {
    const StateAccess state(ring_.state);
    if (state->lost != nullptr) return;
    state->lost = cause;
    // From now on, acquire looks at the loss first, and a submission that is just being made finds
    // that it has failed.
    ring_.full = false;
    ring_.stopped = true;
    state->waiters.for_each([](Waiter& waiter) { waiter.wake_up.notify_one(); });
    for (std::uint32_t i = 0; i < state->slots.extent(); ++i) {
      Submission* const submission = state->slots[SlotIndex{i}].submission;
      if (submission == nullptr || submission->phase.load() != Phase::held) continue;
      state->lose(*submission, follow_up);
    }
    // Whoever waits in the backend.
    follow_up.wake(state->last_wake_number());
  }
  for (RingQueue& queue : ring_.queues) fail_in_flight(queue);
  ring_.follow_up(follow_up);
  if (ring_.options.observer != nullptr) ring_.options.observer->on_device_lost();
}

}  // namespace cbr::detail
