// How the ring learns that work has ended, and what it does then.
#include <algorithm>
#include <array>
#include <limits>

#include <cbr/errors.h>

#include "core/messages.h"
#include "core/ring_core.h"

namespace cbr::detail {

void RingCore::collect(QueueIndex queue) {
  UniqueLock lock(state_mutex_, std::defer_lock);
  collect(queue, lock);
}

void RingCore::collect_all(UniqueLock& lock) {
  for (std::uint32_t queue = 0; queue < queue_count_; ++queue) {
    if (lock.owns_lock()) lock.unlock();
    collect(QueueIndex{queue}, lock);
  }
}

void RingCore::collect(QueueIndex queue, UniqueLock& lock) {
  const Serial completed = guarded([&] { return backend_->completed(queue); });
  Timeline& its_timeline = timeline(queue);
  // In small batches, so that nothing is allocated. Usually one slot has ended.
  std::array<SlotIndex, 4> slots{};
  std::array<Completion, 4> completions;
  std::array<CompleteEvent, 4> events;
  lock.lock();
  for (;;) {
    std::size_t count = 0;
    while (count < slots.size()) {
      const auto slot = its_timeline.pop(completed);
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
      Slot& slot = table_[slots[i]];
      events[i] = {slots[i], queue, slot.serial, completions[i].interval,
                   completions[i].error != nullptr};
      Submission& submission = *slot.submission;
      slot.submission = nullptr;
      free_slot(slots[i]);
      resolve(submission, std::move(completions[i]));
    }
    CompletionQueue& callbacks = completion_queues_[to_number(queue)];
    // They may have waited for an outcome that was just read.
    if (callbacks.front() != nullptr) callbacks.changed.notify_one();
    resolved_.notify_all();
    const std::uint64_t wake_number = serve_waiters();
    settle(lock);
    if (wake_number == 0 && options_.observer == nullptr) continue;
    lock.unlock();
    wake(wake_number);
    for (std::size_t i = 0; i < count; ++i) observe(&Observer::on_complete, events[i]);
    lock.lock();
  }
}

void RingCore::free_slot(SlotIndex slot) {
  const Slot& entry = table_[slot];
  admission_.freed(entry.queue, entry.level);
  table_.free(slot);
  full_.store(false, std::memory_order_relaxed);
}

Completion RingCore::finish(SlotIndex slot) noexcept {
  try {
    return guarded([&] { return backend_->finish(slot); });
  } catch (const DeviceLost&) {
    // With the first cause, be it another thread's.
    const LockGuard lock(state_mutex_);
    return {std::nullopt, lost_};
  } catch (...) {
    return {std::nullopt, std::current_exception()};
  }
}

void RingCore::resolve(Submission& submission, Completion completion) {
  counter_.ended(completion.error != nullptr);
  if (completion.interval) {
    admission_.measured(submission.queue, completion.interval->end - completion.interval->start);
  }
  submission.completion = std::move(completion);
  // Before others can see it: a ticket that finds it done may add nothing to it any more.
  const bool watched = submission.watched();
  submission.done.store(true, std::memory_order_release);
  if (watched) {
    // The completion thread has the ring's reference now.
    completion_queues_[to_number(submission.queue)].push(submission);
  } else if (submission.references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    take_back(submission);
  }
}

void RingCore::take_back(Submission& submission) {
  const auto& error = submission.completion.error;
  if (error != nullptr && error != lost_ && !submission.looked_at.load(std::memory_order_relaxed)) {
    unreported_.push_back({.kind = Leak::Kind::unseen_failure,
                           .slot = submission.slot,
                           .acquired_at = submission.acquired_at,
                           .submitted_at = submission.submitted_at,
                           .text = unseen_failure_text(submission)});
  }
  pool_.give_back(&submission);
}

void RingCore::settle(UniqueLock& lock) noexcept {
  if (unreported_.empty() && !table_.has_outside()) return;
  const auto leaks = std::exchange(unreported_, {});
  const bool outside = table_.has_outside();
  lock.unlock();
  for (const Leak& leak : leaks) log_.leak(leak);
  if (outside) {
    const LockGuard resize_lock(resize_mutex_);
    remove_outside_slots();
  }
  lock.lock();
}

void RingCore::release(Submission& submission) noexcept {
  if (submission.references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (!process_.same_process()) return;
  UniqueLock lock(state_mutex_);
  take_back(submission);
  settle(lock);
}

bool RingCore::poll(const Submission& submission) {
  if (submission.done.load(std::memory_order_acquire)) return true;
  require_same_process();
  const Visit visit(*this);
  if (!visit.allowed()) return submission.done.load(std::memory_order_acquire);
  try {
    collect(submission.queue);
  } catch (const DeviceLost&) {
    // Resolved with the loss: the ticket finds the cause.
  }
  return submission.done.load(std::memory_order_acquire);
}

bool RingCore::wait(const Submission& submission, TimePoint deadline) {
  if (submission.done.load(std::memory_order_acquire)) return true;
  require_same_process();
  const Visit visit(*this);
  if (!visit.allowed()) return wait_done(submission, deadline);
  try {
    if (submission.serial.load(std::memory_order_acquire) == 0 &&
        !wait_sent(submission, deadline)) {
      return false;
    }
    // One that was never sent, because the driver refused it, is done.
    if (submission.done.load(std::memory_order_acquire)) return true;
    const Serial serial(submission.serial.load(std::memory_order_acquire));
    return wait_serial(submission.queue, serial, deadline);
  } catch (const DeviceLost&) {
    // Resolved with the loss, or in a moment by the thread that is just reading its outcome.
    UniqueLock lock(state_mutex_);
    while (!submission.done.load(std::memory_order_relaxed)) resolved_.wait(lock);
    return true;
  }
}

bool RingCore::wait_done(const Submission& submission, TimePoint deadline) {
  UniqueLock lock(state_mutex_);
  while (!submission.done.load(std::memory_order_relaxed)) {
    if (!sleep(lock, resolved_, deadline)) return submission.done.load(std::memory_order_relaxed);
  }
  return true;
}

bool RingCore::wait_sent(const Submission& submission, TimePoint deadline) {
  UniqueLock lock(state_mutex_);
  const auto sent = [&] {
    return submission.serial.load(std::memory_order_relaxed) != 0 ||
           submission.done.load(std::memory_order_relaxed);
  };
  while (!sent()) {
    if (!sleep(lock, resolved_, deadline)) return sent();
  }
  return true;
}

bool RingCore::wait_serial(QueueIndex queue, Serial serial, TimePoint deadline,
                           Interruptible interruptible) {
  {
    const LockGuard lock(state_mutex_);
    if (!table_.pending(queue, serial)) return true;
  }
  const SyncPoint point{queue, serial};
  const WaitStatus status = guarded([&] {
    return interruptible == Interruptible::yes ? wait_interruptibly({&point, 1}, 0, deadline)
                                               : waiting_.wait(*backend_, {&point, 1}, 0, deadline);
  });
  collect(queue);
  UniqueLock lock(state_mutex_);
  if (status == WaitStatus::timed_out) return !table_.pending(queue, serial);
  // Another thread may be reading the outcome at this moment; it won't take long.
  while (table_.pending(queue, serial)) resolved_.wait(lock);
  return true;
}

std::optional<std::size_t> RingCore::wait_any(std::span<const Submission* const> submissions,
                                              TimePoint deadline) {
  std::vector<SyncPoint> points;
  points.reserve(submissions.size());
  for (const Submission* submission : submissions) {
    points.push_back({submission->queue, Serial(submission->serial.load())});
  }
  const auto has_ended = [&](const Submission& submission, const SyncPoint& point) {
    if (submission.done.load(std::memory_order_acquire)) return true;
    try {
      return guarded([&] { return backend_->completed(point.queue); }).covers(point.serial);
    } catch (const DeviceLost&) {
      // So everything has.
      return true;
    }
  };
  const auto first_done = [&]() -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < submissions.size(); ++i) {
      if (poll(*submissions[i])) return i;
    }
    return std::nullopt;
  };
  if (const auto index = first_done()) return index;
  const Visit visit(*this);
  // The ring has ended, or is just about to: then all of them end.
  if (!visit.allowed())
    return wait_done(*submissions.front(), deadline) ? first_done() : std::nullopt;
  try {
    if (wait_interruptibly(points, 0, deadline) == WaitStatus::timed_out) return first_done();
  } catch (const DeviceLost&) {
    lose(std::current_exception());
  }
  for (std::size_t i = 0; i < submissions.size(); ++i) {
    // One has ended, but another thread may be about to say how.
    if (has_ended(*submissions[i], points[i]) && wait(*submissions[i], no_deadline)) return i;
  }
  return first_done();
}

void RingCore::drain() {
  require_same_process();
  // A step may end with a drain, which is not to allocate on a device of usual size.
  std::array<Serial, 16> few;
  std::vector<Serial> many(queue_count_ > few.size() ? queue_count_ : 0);
  Serial* const targets = many.empty() ? few.data() : many.data();
  {
    // For all queues at once: what is submitted while one is waited for came after the call.
    const LockGuard lock(state_mutex_);
    require_usable();
    for (std::uint32_t i = 0; i < queue_count_; ++i) targets[i] = timelines_[i].last_submitted();
  }
  for (std::uint32_t queue = 0; queue < queue_count_; ++queue) {
    wait_serial(QueueIndex{queue}, targets[queue], no_deadline);
  }
  const LockGuard lock(state_mutex_);
  require_usable();
}

void RingCore::fail_in_flight() {
  constexpr Serial everything(std::numeric_limits<std::uint64_t>::max());
  const auto fail = [this](SlotIndex slot) {
    Submission& submission = *table_[slot].submission;
    table_[slot].submission = nullptr;
    admission_.freed(table_[slot].queue, table_[slot].level);
    table_.lose(slot);
    resolve(submission, {std::nullopt, lost_});
  };
  for (auto& its_timeline : timelines_) {
    while (const auto slot = its_timeline.pop(everything)) fail(*slot);
  }
  for (std::uint32_t i = 0; i < table_.extent(); ++i) {
    const SlotIndex slot{i};
    if (table_[slot].state != SlotState::held) continue;
    table_[slot].submission->sequence->give_up(slot);
    fail(slot);
  }
}

void RingCore::lose(const std::exception_ptr& cause) noexcept {
  std::uint64_t wake_number = 0;
  {
    const LockGuard lock(state_mutex_);
    // The first cause is the one to report.
    if (lost_ != nullptr) return;
    lost_ = cause;
    // From now on, acquire looks at lost_ first.
    full_ = false;
    stopped_ = true;
    fail_in_flight();
    waiters_.wake_all();
    // Whoever waits in the backend.
    wake_number = next_wake_number_ - 1;
  }
  resolved_.notify_all();
  if (options_.observer != nullptr) options_.observer->on_device_lost();
  try {
    if (wake_number != 0) backend_->wake(wake_number);
  } catch (...) {
    // A lost device ends its waits itself.
    return;
  }
}

void RingCore::wake(std::uint64_t wake_number) noexcept {
  if (wake_number == 0) return;
  try {
    backend_->wake(wake_number);
  } catch (...) {
    // Who can't be woken might sleep for ever: better that everyone learns of it.
    lose(std::current_exception());
  }
}

}  // namespace cbr::detail
