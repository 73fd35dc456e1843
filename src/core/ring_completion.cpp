// How the ring learns that work has ended, and what it does then.
#include <array>
#include <limits>

#include <cbr/errors.h>

#include "core/ring_core.h"

namespace cbr::detail {

void RingCore::collect(QueueIndex queue) {
  std::unique_lock lock(state_mutex_, std::defer_lock);
  collect(queue, lock);
}

void RingCore::collect_all(std::unique_lock<std::mutex>& lock) {
  for (std::uint32_t queue = 0; queue < queue_count_; ++queue) {
    if (lock.owns_lock()) lock.unlock();
    collect(QueueIndex{queue}, lock);
  }
}

void RingCore::collect(QueueIndex queue, std::unique_lock<std::mutex>& lock) {
  const Serial completed = guarded([&] { return backend_->completed(queue); });
  Timeline& timeline = timelines_[to_number(queue)];
  // In small batches, so that nothing is allocated. Usually one slot has ended.
  std::array<SlotIndex, 4> slots{};
  std::array<Completion, 4> completions;
  lock.lock();
  for (;;) {
    std::size_t count = 0;
    while (count < slots.size()) {
      const auto slot = timeline.pop(completed);
      if (!slot) break;
      table_.retire(*slot);
      slots[count++] = *slot;
    }
    if (count == 0) return;
    // The backend is asked with no lock held; `retiring` keeps the slots from everyone else.
    lock.unlock();
    for (std::size_t i = 0; i < count; ++i) completions[i] = finish(slots[i]);
    lock.lock();
    for (std::size_t i = 0; i < count; ++i) {
      Submission& submission = *table_[slots[i]].submission;
      table_[slots[i]].submission = nullptr;
      free_slot(slots[i]);
      resolve(submission, std::move(completions[i]));
    }
    resolved_.notify_all();
    if (const std::uint64_t wake_number = serve_waiters(); wake_number != 0) {
      lock.unlock();
      wake_leader(wake_number);
      lock.lock();
    }
  }
}

void RingCore::free_slot(SlotIndex slot) {
  table_.free(slot);
  full_.store(false, std::memory_order_relaxed);
}

Completion RingCore::finish(SlotIndex slot) noexcept {
  try {
    return guarded([&] { return backend_->finish(slot); });
  } catch (...) {
    return {std::nullopt, std::current_exception()};
  }
}

void RingCore::resolve(Submission& submission, Completion completion) {
  counter_.ended(completion.error != nullptr);
  submission.completion = std::move(completion);
  submission.done.store(true, std::memory_order_release);
  if (submission.references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    pool_.give_back(&submission);
  }
}

void RingCore::release(Submission& submission) noexcept {
  if (submission.references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const std::lock_guard lock(state_mutex_);
  pool_.give_back(&submission);
}

bool RingCore::poll(const Submission& submission) {
  if (submission.done.load(std::memory_order_acquire)) return true;
  try {
    collect(submission.queue);
  } catch (const DeviceLost&) {
    // The submission was resolved with it; that is where its ticket finds the cause.
  }
  return submission.done.load(std::memory_order_acquire);
}

bool RingCore::wait(const Submission& submission, TimePoint deadline) {
  if (submission.done.load(std::memory_order_acquire)) return true;
  try {
    return wait_serial(submission.queue, submission.serial, deadline);
  } catch (const DeviceLost&) {
    // Resolved with the loss, or in a moment by the thread that is just reading its outcome.
    std::unique_lock lock(state_mutex_);
    resolved_.wait(lock, [&] { return submission.done.load(std::memory_order_relaxed); });
    return true;
  }
}

bool RingCore::wait_serial(QueueIndex queue, Serial serial, TimePoint deadline) {
  {
    const std::lock_guard lock(state_mutex_);
    if (!table_.pending(queue, serial)) return true;
  }
  const SyncPoint point{queue, serial};
  const WaitStatus status = guarded([&] { return backend_->wait({&point, 1}, 0, deadline); });
  collect(queue);
  std::unique_lock lock(state_mutex_);
  if (status == WaitStatus::timed_out) return !table_.pending(queue, serial);
  // Another thread may be reading the outcome at this moment; it won't take long.
  resolved_.wait(lock, [&] { return !table_.pending(queue, serial); });
  return true;
}

void RingCore::drain() {
  for (std::uint32_t queue = 0; queue < queue_count_; ++queue) {
    Serial target;
    {
      const std::lock_guard lock(state_mutex_);
      require_usable();
      target = timelines_[queue].last_submitted();
    }
    wait_serial(QueueIndex{queue}, target, no_deadline);
  }
  const std::lock_guard lock(state_mutex_);
  require_usable();
}

void RingCore::fail_in_flight() {
  constexpr Serial everything(std::numeric_limits<std::uint64_t>::max());
  for (auto& timeline : timelines_) {
    while (const auto slot = timeline.pop(everything)) {
      Submission& submission = *table_[*slot].submission;
      table_[*slot].submission = nullptr;
      table_.lose(*slot);
      resolve(submission, {std::nullopt, lost_});
    }
  }
}

void RingCore::lose(const std::exception_ptr& cause) noexcept {
  std::uint64_t wake_number = 0;
  {
    const std::lock_guard lock(state_mutex_);
    // The first cause is the one to report.
    if (lost_ != nullptr) return;
    lost_ = cause;
    // From now on, acquire looks at lost_ first.
    full_ = false;
    stopped_ = true;
    fail_in_flight();
    waiters_.wake_all();
    wake_number = lead_.wake_number;
  }
  resolved_.notify_all();
  if (wake_number == 0) return;
  try {
    backend_->wake(wake_number);
  } catch (const Error&) {
    // A lost device ends its waits itself.
  }
}

}  // namespace cbr::detail
