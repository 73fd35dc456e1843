#include "backends/metal/progress.h"

#include <algorithm>
#include <utility>

namespace cbr::metal {

Progress::Progress(std::uint32_t queue_count, std::shared_ptr<DeviceLoss> loss)
    : loss_(std::move(loss)), queues_(queue_count) {}

void Progress::Queue::advance() {
  while (!in_flight.empty() && in_flight.front()->ended_) {
    in_flight.pop_front();
    completed = completed.next();
  }
}

void Progress::submitted(std::shared_ptr<Work> work) {
  {
    const std::lock_guard lock(mutex_);
    Queue& queue = queues_[to_number(work->queue_)];
    queue.in_flight.push_back(std::move(work));
    queue.advance();
  }
  // For the case that it has ended already.
  changed_.notify_all();
}

void Progress::ended(Work& work, Outcome outcome) {
  if (outcome.device_lost) loss_->lose(outcome.error);
  {
    const std::lock_guard lock(mutex_);
    work.outcome_ = std::move(outcome);
    work.ended_ = true;
    queues_[to_number(work.queue_)].advance();
  }
  changed_.notify_all();
}

Outcome Progress::take_outcome(Work& work) {
  const std::lock_guard lock(mutex_);
  return std::move(work.outcome_);
}

Serial Progress::completed(QueueIndex queue) const {
  const std::lock_guard lock(mutex_);
  return queues_[to_number(queue)].completed;
}

WaitStatus Progress::wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                          TimePoint deadline) {
  std::unique_lock lock(mutex_);
  for (;;) {
    loss_->require_usable();
    for (const SyncPoint& point : points) {
      if (queues_[to_number(point.queue)].completed.covers(point.serial)) {
        return WaitStatus::reached;
      }
    }
    if (wake_number != 0 && woken_ >= wake_number) return WaitStatus::woken;
    if (deadline == no_deadline) {
      changed_.wait(lock);
    } else if (Clock::now() >= deadline) {
      return WaitStatus::timed_out;
    } else {
      changed_.wait_until(lock, deadline);
    }
  }
}

void Progress::wake(std::uint64_t wake_number) {
  {
    const std::lock_guard lock(mutex_);
    woken_ = std::max(woken_, wake_number);
  }
  changed_.notify_all();
}

}  // namespace cbr::metal
