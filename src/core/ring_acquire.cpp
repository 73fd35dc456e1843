// How the ring hands out slots: the fast path, and waiting in turn.
#include <chrono>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/ring_core.h"

namespace cbr::detail {

std::optional<Lease> RingCore::acquire(TimePoint deadline, const std::source_location& where) {
  const auto slot = take_slot(deadline, where);
  if (!slot) return std::nullopt;
  void* handle = nullptr;
  try {
    handle = guarded([&] { return backend_->begin(*slot); });
  } catch (...) {
    std::uint64_t wake_number = 0;
    {
      const std::lock_guard lock(state_mutex_);
      wake_number = free_unsubmitted(*slot);
    }
    wake_leader(wake_number);
    throw;
  }
  return Lease(shared_from_this(), *slot, handle, where);
}

std::optional<SlotIndex> RingCore::take_slot(TimePoint deadline,
                                             const std::source_location& where) {
  std::unique_lock lock(state_mutex_, std::defer_lock);
  std::optional<SlotIndex> slot;
  if (!full_.load(std::memory_order_relaxed)) {
    lock.lock();
    require_usable();
    if (waiters_.empty()) slot = lease_free_slot();
    if (!slot) lock.unlock();
  }
  if (!slot) {
    collect_all(lock);
    require_usable();
    if (waiters_.empty()) slot = lease_free_slot();
    if (!slot && deadline != TimePoint::min()) {
      const TimePoint now = backend_->now();
      if (deadline > now) slot = wait_for_slot(lock, now, deadline);
    }
  }
  if (slot) table_[*slot].acquired_at = where;
  return slot;
}

std::optional<SlotIndex> RingCore::wait_for_slot(std::unique_lock<std::mutex>& lock,
                                                 TimePoint start, TimePoint deadline) {
  counter_.wait_started();
  Waiter self;
  waiters_.push(self);
  const auto leave = [&] {
    waiters_.remove(self);
    // Someone has to wait in the backend for those who stay.
    if (lead_.waiter == nullptr && !waiters_.empty()) waiters_.front()->wake_up.notify_one();
    counter_.wait_ended(backend_->now() - start);
  };
  try {
    bool in_time = true;
    while (!self.granted && in_time) {
      require_usable();
      in_time = lead_.waiter == nullptr ? lead(lock, self, deadline) : sleep(lock, self, deadline);
    }
  } catch (...) {
    leave();
    if (self.granted) {
      const std::uint64_t wake_number = free_unsubmitted(*self.granted);
      lock.unlock();
      wake_leader(wake_number);
    }
    throw;
  }
  leave();
  if (!self.granted) counter_.timed_out();
  return self.granted;
}

bool RingCore::lead(std::unique_lock<std::mutex>& lock, Waiter& self, TimePoint deadline) {
  lead_.waiter = &self;
  lead_.points.clear();
  for (std::uint32_t queue = 0; queue < queue_count_; ++queue) {
    if (const auto oldest = timelines_[queue].oldest()) {
      lead_.points.push_back({QueueIndex{queue}, *oldest});
    }
  }
  if (lead_.points.empty()) {
    // Every slot is in some thread's hands; that thread wakes this one.
    const bool in_time = sleep(lock, self, deadline);
    lead_.waiter = nullptr;
    return in_time;
  }
  // With everything in flight, nothing but a completion can free a slot. Not to be woken is
  // cheaper.
  const bool others_can_free = table_.leased() > 0 || table_.retiring() > 0;
  lead_.wake_number = others_can_free ? next_wake_number_++ : 0;
  const std::uint64_t wake_number = lead_.wake_number;
  lock.unlock();
  try {
    const WaitStatus status =
        guarded([&] { return backend_->wait(lead_.points, wake_number, deadline); });
    lock.lock();
    lead_.wake_number = 0;
    // Also after a timeout: a slot that got free just now is better than an error.
    if (status != WaitStatus::woken) {
      lock.unlock();
      collect_all(lock);
    }
    lead_.waiter = nullptr;
    return status != WaitStatus::timed_out;
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    lead_.waiter = nullptr;
    lead_.wake_number = 0;
    throw;
  }
}

bool RingCore::sleep(std::unique_lock<std::mutex>& lock, Waiter& self, TimePoint deadline) {
  if (deadline == no_deadline) {
    self.wake_up.wait(lock);
    return true;
  }
  // The backend's clock may be virtual; the time left is what counts.
  const TimePoint until = Clock::now() + (deadline - backend_->now());
  return self.wake_up.wait_until(lock, until) == std::cv_status::no_timeout;
}

std::optional<SlotIndex> RingCore::lease_free_slot() {
  if (!table_.has_free()) return std::nullopt;
  Submission* submission = pool_.take();
  const auto slot = table_.lease_next();
  table_[*slot].submission = submission;
  full_.store(!table_.has_free(), std::memory_order_relaxed);
  counter_.acquired();
  return slot;
}

void RingCore::require_usable() const {
  if (lost_ != nullptr) std::rethrow_exception(lost_);
}

std::uint64_t RingCore::serve_waiters() {
  std::uint64_t wake_number = 0;
  while (Waiter* waiter = waiters_.front()) {
    const auto slot = lease_free_slot();
    if (!slot) break;
    waiters_.remove(*waiter);
    waiter->granted = slot;
    // Under the lock: once it is free, the waiter may return and take its condition variable along.
    waiter->wake_up.notify_one();
    if (waiter == lead_.waiter) wake_number = lead_.wake_number;
  }
  return wake_number;
}

std::uint64_t RingCore::note_new_point(QueueIndex queue) {
  if (lead_.waiter == nullptr) return 0;
  if (lead_.points.empty()) {
    lead_.waiter->wake_up.notify_one();
    return 0;
  }
  for (const auto& point : lead_.points) {
    if (point.queue == queue) return 0;
  }
  return lead_.wake_number;
}

void RingCore::wake_leader(std::uint64_t wake_number) noexcept {
  if (wake_number == 0) return;
  try {
    backend_->wake(wake_number);
  } catch (...) {
    // A leader that can't be woken might sleep for ever: better that everyone learns of it.
    lose(std::current_exception());
  }
}

void RingCore::throw_timeout(std::chrono::nanoseconds waited, std::chrono::nanoseconds timeout) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  const std::lock_guard lock(state_mutex_);
  const SlotIndex index = table_.in_the_way();
  const Slot& slot = table_[index];
  const std::string state = slot.state == SlotState::leased
                                ? fmt::format("is leased, acquired at {}:{}",
                                              slot.acquired_at.file_name(), slot.acquired_at.line())
                                : fmt::format("is in flight with serial {}", slot.serial.value());
  throw AcquireTimeout(fmt::format(
      "{}: no slot free after {:.2f} ms (limit {:.2f} ms): slot #{} {}", options_.name,
      Milliseconds(waited).count(), Milliseconds(timeout).count(), to_number(index), state));
}

}  // namespace cbr::detail
