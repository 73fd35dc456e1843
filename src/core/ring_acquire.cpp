// How the ring hands out slots: the fast path, and waiting in turn.
#include <chrono>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "core/callback_scope.h"
#include "core/messages.h"
#include "core/ring_core.h"

namespace cbr::detail {

Lease RingCore::acquire_in_time(const AcquireOptions& options,
                                const std::shared_ptr<SequenceRecord>* sequence,
                                const std::source_location& where) {
  if (!options.timeout && options_.timeout_ms == 0) {
    return *acquire(options, sequence, no_deadline, where);
  }
  // Nanoseconds in 64 bits reach 292 years; a longer timeout is none.
  constexpr std::uint64_t most_ms = std::chrono::nanoseconds::max().count() / 1'000'000;
  const std::chrono::nanoseconds limit =
      options.timeout ? *options.timeout
                      : std::chrono::milliseconds(std::min(options_.timeout_ms, most_ms));
  const TimePoint start = backend_->now();
  auto lease = acquire(options, sequence, deadline_after(limit), where);
  if (!lease) throw_timeout(backend_->now() - start, limit);
  return *std::move(lease);
}

SlotRequest RingCore::check_request(const AcquireOptions& options,
                                    const std::shared_ptr<SequenceRecord>* sequence) const {
  SlotRequest request{.level = 0, .queue = options.queue, .sequence = sequence};
  if (options.queue && to_number(*options.queue) >= queue_count_) {
    throw InvalidOption(fmt::format("{}: acquire asks for queue {}, the backend has {}",
                                    options_.name, to_number(*options.queue), queue_count_));
  }
  if (options_.allocation_strategy == AllocationStrategy::priority) {
    request.level = options.priority ? static_cast<std::uint32_t>(*options.priority)
                                     : options_.priority_levels / 2;
    if (request.level >= options_.priority_levels) {
      throw InvalidOption(fmt::format("{}: acquire asks for priority {}, allowed are 0 to {}",
                                      options_.name, request.level, options_.priority_levels - 1));
    }
  }
  if (sequence != nullptr) {
    if (request.queue && *request.queue != (*sequence)->queue) {
      throw InvalidOption(fmt::format("{}: a lease of a sequence on queue {} asks for queue {}",
                                      options_.name, to_number((*sequence)->queue),
                                      to_number(*request.queue)));
    }
    request.queue = (*sequence)->queue;
  }
  return request;
}

std::optional<Lease> RingCore::acquire(const AcquireOptions& options,
                                       const std::shared_ptr<SequenceRecord>* sequence,
                                       TimePoint deadline, const std::source_location& where) {
  require_same_process();
  const SlotRequest request = check_request(options, sequence);
  std::chrono::nanoseconds waited{0};
  Submission* submission = nullptr;
  {
    UniqueLock lock(state_mutex_, std::defer_lock);
    const auto slot = take_slot(lock, request, deadline, waited);
    if (!slot) return std::nullopt;
    submission = table_[*slot].submission;
    submission->label = Label(options.label);
    submission->acquired_at = where;
  }
  if (options_.log_wait_events && waited > std::chrono::nanoseconds(0)) {
    log_.write(waited_line(options_.name, waited, submission->slot));
  }
  void* handle = nullptr;
  try {
    handle = guarded([&] { return backend_->begin(submission->slot); });
  } catch (...) {
    end_unsubmitted(*submission);
    throw;
  }
  observe(&Observer::on_acquire, AcquireEvent{submission->slot, submission->queue, waited});
  return Lease(shared_from_this(), submission->slot, submission, handle);
}

std::optional<SlotIndex> RingCore::take_slot(UniqueLock& lock, const SlotRequest& request,
                                             TimePoint deadline, std::chrono::nanoseconds& waited) {
  // Waiters have been offered every slot that is free, so to take one overtakes nobody.
  std::optional<SlotIndex> slot;
  if (!full_.load(std::memory_order_relaxed)) {
    lock.lock();
    require_usable();
    slot = lease_free_slot(request);
    if (!slot) lock.unlock();
  }
  if (slot) return slot;
  collect_all(lock);
  require_usable();
  slot = lease_free_slot(request);
  if (slot || deadline == TimePoint::min()) return slot;
  const TimePoint now = backend_->now();
  if (deadline <= now) return std::nullopt;
  if (callbacks_of == this) {
    throw InvalidUsage(fmt::format(
        "{}: no slot is free, and a callback of the ring must not wait for one", options_.name));
  }
  return wait_for_slot(lock, request, now, deadline, waited);
}

std::optional<SlotIndex> RingCore::wait_for_slot(UniqueLock& lock, const SlotRequest& request,
                                                 TimePoint start, TimePoint deadline,
                                                 std::chrono::nanoseconds& waited) {
  counter_.wait_started();
  Waiter self;
  self.request = request;
  self.since = start;
  self.next_report = start + std::chrono::milliseconds(options_.hang_warning_ms);
  waiters_.push(self);
  const auto leave = [&] {
    waiters_.remove(self);
    // Someone has to wait in the backend for those who stay.
    if (lead_.waiter == nullptr && !waiters_.empty()) waiters_.front()->wake_up.notify_one();
    waited = backend_->now() - start;
    counter_.wait_ended(waited);
  };
  try {
    if (options_.log_wait_events) {
      const std::string line = waiting_line(options_.name, table_.in_the_way());
      lock.unlock();
      log_.write(line);
      lock.lock();
    }
    bool in_time = true;
    while (!self.granted && in_time) {
      require_usable();
      in_time = lead_.waiter == nullptr ? lead(lock, self, deadline)
                                        : sleep(lock, self.wake_up, deadline);
    }
  } catch (...) {
    if (!lock.owns_lock()) lock.lock();
    leave();
    if (self.granted) {
      Submission& submission = *table_[*self.granted].submission;
      lock.unlock();
      end_unsubmitted(submission);
    }
    throw;
  }
  leave();
  if (!self.granted) counter_.timed_out();
  return self.granted;
}

bool RingCore::lead(UniqueLock& lock, Waiter& self, TimePoint deadline) {
  lead_.waiter = &self;
  lead_.points.clear();
  for (std::uint32_t queue = 0; queue < queue_count_; ++queue) {
    if (const auto oldest = timelines_[queue].oldest()) {
      lead_.points.push_back({QueueIndex{queue}, *oldest});
    }
  }
  if (lead_.points.empty()) {
    // Every slot is in some thread's hands; that thread wakes this one.
    try {
      const bool in_time = sleep(lock, self.wake_up, deadline);
      lead_.waiter = nullptr;
      return in_time;
    } catch (...) {
      lock.lock();
      lead_.waiter = nullptr;
      throw;
    }
  }
  lead_.wake_number = next_wake_number_++;
  const std::uint64_t wake_number = lead_.wake_number;
  lock.unlock();
  try {
    const WaitStatus status =
        guarded([&] { return wait_interruptibly(lead_.points, wake_number, deadline); });
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

std::optional<SlotIndex> RingCore::lease_free_slot(const SlotRequest& request) {
  const auto slot = admission_.choose(table_, request);
  if (slot) lease_slot(*slot, request);
  return slot;
}

void RingCore::lease_slot(SlotIndex slot, const SlotRequest& request) {
  Submission* submission = pool_.take();
  table_.lease(slot, request.level);
  Slot& entry = table_[slot];
  entry.submission = submission;
  submission->slot = slot;
  submission->queue = entry.queue;
  if (request.sequence != nullptr) {
    submission->sequence = *request.sequence;
    submission->sequence->reserve(slot);
  }
  admission_.leased(entry.queue, request.level);
  full_.store(!table_.has_free(), std::memory_order_relaxed);
  counter_.acquired();
}

void RingCore::require_usable() const {
  if (lost_ != nullptr) std::rethrow_exception(lost_);
  if (closed_) throw InvalidUsage(fmt::format("{}: the ring is gone", options_.name));
}

void RingCore::require_same_process() const {
  if (process_.same_process()) return;
  throw InvalidUsage(
      fmt::format("{}: the ring belongs to the process that made it, and this one was forked off",
                  options_.name));
}

std::uint64_t RingCore::serve_waiters() {
  std::uint64_t wake_number = 0;
  while (const auto grant = waiters_.take_next(admission_, table_)) {
    lease_slot(grant->slot, grant->waiter->request);
    grant->waiter->granted = grant->slot;
    // Under the lock: once it is free, the waiter may return and take its condition variable along.
    grant->waiter->wake_up.notify_one();
    if (grant->waiter == lead_.waiter) wake_number = lead_.wake_number;
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

void RingCore::throw_timeout(std::chrono::nanoseconds waited, std::chrono::nanoseconds limit) {
  const LockGuard lock(state_mutex_);
  const SlotIndex index = table_.in_the_way();
  throw AcquireTimeout(timeout_text(options_.name, waited, limit, index, table_[index]));
}

}  // namespace cbr::detail
