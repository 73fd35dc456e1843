// The completion threads: callbacks, coroutines and kept objects, once work has ended.
#include <limits>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/callback_scope.h"
#include "core/ring_core.h"

namespace cbr::detail {
namespace {

void append(Submission& submission, Continuation& continuation) {
  continuation.next = nullptr;
  (submission.last_continuation != nullptr ? submission.last_continuation->next
                                           : submission.first_continuation) = &continuation;
  submission.last_continuation = &continuation;
}

}  // namespace

void RingCore::require_completion_thread(QueueIndex queue) {
  CompletionQueue& completions = completion_queues_[to_number(queue)];
  if (completions.started.load(std::memory_order_acquire)) return;
  require_same_process();
  // Threads start and end under the resize mutex: seldom, and never on the way of a step.
  const LockGuard resize_lock(resize_mutex_);
  if (completions.started.load(std::memory_order_relaxed)) return;
  // Also after a lost device: what was lost has callbacks too.
  // The thread keeps the core: it may be the last to need it if a callback destroys the ring.
  completions.thread = Thread([self = shared_from_this(), queue] { self->run_completions(queue); });
  completions.started.store(true, std::memory_order_release);
}

bool RingCore::add_continuation(Submission& submission, Continuation& continuation) {
  if (submission.done.load(std::memory_order_acquire)) return false;
  require_completion_thread(submission.queue);
  CompletionQueue& completions = completion_queues_[to_number(submission.queue)];
  std::uint64_t wake_number = 0;
  {
    const LockGuard lock(state_mutex_);
    if (submission.done.load(std::memory_order_relaxed)) return false;
    append(submission, continuation);
    completions.changed.notify_one();
    // The thread may be waiting for newer work, which may never end.
    const std::uint64_t serial = submission.serial.load(std::memory_order_relaxed);
    if (serial != 0 && serial < completions.waits_for) wake_number = completions.wake_number;
  }
  wake(wake_number);
  return true;
}

void RingCore::run_completions(QueueIndex queue) {
  CompletionQueue& completions = completion_queues_[to_number(queue)];
  UniqueLock lock(state_mutex_);
  for (;;) {
    Submission* ended = completions.front();
    if (ended != nullptr && older_retiring(*ended)) {
      // Another thread is reading how older work ended, whose callbacks come first.
      completions.changed.wait(lock);
      continue;
    }
    if (ended != nullptr) {
      completions.pop();
      lock.unlock();
      run_callbacks(*ended);
      lock.lock();
      continue;
    }
    if (completions.stop) return;
    const auto point = oldest_watched(queue);
    if (!point || lost_ != nullptr) {
      completions.changed.wait(lock);
      continue;
    }
    const std::uint64_t wake_number = next_wake_number_++;
    completions.wake_number = wake_number;
    completions.waits_for = point->serial.value();
    lock.unlock();
    try {
      guarded([&] { return waiting_.wait(*backend_, {&*point, 1}, wake_number, no_deadline); });
      collect(queue);
    } catch (...) {
      // Lost: what was in flight has been resolved. Anything else that a wait can fail with leaves
      // nobody to run the callbacks, so it ends the ring too.
      lose(std::current_exception());
    }
    lock.lock();
    completions.wake_number = 0;
  }
}

bool RingCore::older_retiring(const Submission& ended) const {
  for (std::uint32_t i = 0; i < table_.extent(); ++i) {
    const Slot& slot = table_[SlotIndex{i}];
    if (slot.state != SlotState::retiring || slot.queue != ended.queue) continue;
    if (slot.serial.value() < ended.serial.load(std::memory_order_relaxed)) return true;
  }
  return false;
}

std::optional<SyncPoint> RingCore::oldest_watched(QueueIndex queue) const {
  std::optional<SyncPoint> oldest;
  for (std::uint32_t i = 0; i < table_.extent(); ++i) {
    const Slot& slot = table_[SlotIndex{i}];
    if (slot.queue != queue || slot.state != SlotState::in_flight) continue;
    if (!slot.submission->watched()) continue;
    if (!oldest || slot.serial.value() < oldest->serial.value()) oldest = {queue, slot.serial};
  }
  return oldest;
}

void RingCore::run_callbacks(Submission& submission) noexcept {
  {
    // Takes over the ring's reference.
    const Ticket ticket(shared_from_this(), &submission);
    const CallbackScope scope(this);
    Continuation* continuation = std::exchange(submission.first_continuation, nullptr);
    submission.last_continuation = nullptr;
    while (continuation != nullptr) {
      Continuation* next = continuation->next;
      continuation->run(ticket);
      continuation = next;
    }
    for (auto& object : submission.kept_alive) object.reset();
    submission.kept_alive.clear();
  }
}

void RingCore::stop_threads() noexcept {
  watchdog_.reset();
  for (CompletionQueue& completions : completion_queues_) {
    std::uint64_t wake_number = 0;
    {
      const LockGuard lock(state_mutex_);
      completions.stop = true;
      wake_number = completions.wake_number;
      completions.changed.notify_one();
    }
    wake(wake_number);
    if (!completions.thread.joinable()) continue;
    if (completions.thread.get_id() == this_thread_id()) {
      // A callback destroys the ring: the thread ends once that callback has returned.
      completions.thread.detach();
    } else {
      completions.thread.join();
    }
  }
}

}  // namespace cbr::detail
