#include "backends/metal/completion_board.h"

#include <algorithm>
#include <utility>

namespace cbr::metal {

CompletionBoard::CompletionBoard(std::uint32_t queue_count, std::uint32_t slots,
                                 std::shared_ptr<DeviceLoss> loss)
    : loss_(std::move(loss)), entries_(slots), queues_(queue_count) {
  // Serials in flight on a queue differ by less than the number of slots.
  for (Queue& queue : queues_) queue.marked.resize(slots);
}

RecordingNumber CompletionBoard::begin(SlotIndex slot) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[to_number(slot)];
  entry = {};
  entry.recording = RecordingNumber{++recordings_};
  return entry.recording;
}

void CompletionBoard::submitted(SlotIndex slot, QueueIndex queue, Serial serial) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[to_number(slot)];
  entry.queue = queue;
  entry.serial = serial;
  // A short piece of work may have ended before its serial was known here.
  if (entry.completion) mark(entry);
}

void CompletionBoard::ended(SlotIndex slot, RecordingNumber recording, Completion completion) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[to_number(slot)];
  if (entry.recording != recording || entry.completion) return;
  entry.completion = std::move(completion);
  if (entry.serial.value() != 0) mark(entry);
}

void CompletionBoard::mark(const Entry& entry) {
  Queue& queue = queues_[to_number(entry.queue)];
  const auto place = [&](Serial serial) { return serial.value() % queue.marked.size(); };
  queue.marked[place(entry.serial)] = true;
  bool moved = false;
  for (Serial next = queue.completed.next(); queue.marked[place(next)]; next = next.next()) {
    queue.marked[place(next)] = false;
    queue.completed = next;
    moved = true;
  }
  if (moved) changed_.notify_all();
}

void CompletionBoard::lose(const std::string& cause) {
  loss_->lose(cause);
  {
    // Taken so that no waiter is between its check and its sleep.
    const std::lock_guard lock(mutex_);
  }
  changed_.notify_all();
}

Serial CompletionBoard::completed(QueueIndex queue) {
  loss_->require_device();
  const std::lock_guard lock(mutex_);
  return queues_[to_number(queue)].completed;
}

Completion CompletionBoard::take(SlotIndex slot) {
  loss_->require_device();
  const std::lock_guard lock(mutex_);
  return std::exchange(entries_[to_number(slot)].completion, std::nullopt).value_or(Completion{});
}

WaitStatus CompletionBoard::wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                                 TimePoint deadline) {
  std::unique_lock lock(mutex_);
  for (bool late = false;;) {
    loss_->require_device();
    const bool reached = std::any_of(points.begin(), points.end(), [&](const SyncPoint& point) {
      return queues_[to_number(point.queue)].completed.covers(point.serial);
    });
    if (reached) return WaitStatus::reached;
    if (wake_number != 0 && woken_ >= wake_number) return WaitStatus::woken;
    if (late) return WaitStatus::timed_out;
    if (deadline == no_deadline) {
      changed_.wait(lock);
    } else {
      late = changed_.wait_until(lock, deadline) == std::cv_status::timeout;
    }
  }
}

void CompletionBoard::wake(std::uint64_t wake_number) {
  {
    const std::lock_guard lock(mutex_);
    woken_ = std::max(woken_, wake_number);
  }
  changed_.notify_all();
}

}  // namespace cbr::metal
