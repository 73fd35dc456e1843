// The submissions of one queue whose callbacks are to run, and the thread that runs them.
#pragma once

#include <cstdint>
#include <utility>

#include "core/submission_pool.h"
#include "core/sync.h"

namespace cbr::detail {

/// The ring's state mutex guards everything but `thread`, which the starting and the ending of the
/// ring alone touch.
struct CompletionQueue {
  Atomic<bool> started = false;
  bool stop = false;
  /// What the thread waits with in the backend; 0 while it is not there.
  std::uint64_t wake_number = 0;
  /// The serial that it waits for there.
  std::uint64_t waits_for = 0;
  /// Signalled when there may be something to do.
  ConditionVariable changed;
  Thread thread;

  /// In the order of serials: two threads may read outcomes at once, and the later one be faster.
  /// Nearly always at the end, which takes no search: callbacks that are slower than steps pile up.
  void push(Submission& submission) {
    const std::uint64_t serial = submission.serial.load(std::memory_order_relaxed);
    const bool at_end =
        first_ != nullptr && last_->serial.load(std::memory_order_relaxed) <= serial;
    Submission** place = at_end ? &last_->next : &first_;
    while (*place != nullptr && (*place)->serial.load(std::memory_order_relaxed) <= serial) {
      place = &(*place)->next;
    }
    submission.next = *place;
    *place = &submission;
    if (submission.next == nullptr) last_ = &submission;
    changed.notify_one();
  }
  /// The oldest that has ended; null if there is none.
  [[nodiscard]] Submission* front() const { return first_; }
  void pop() { first_ = std::exchange(first_->next, nullptr); }

 private:
  Submission* first_ = nullptr;
  /// Means nothing while the queue is empty.
  Submission* last_ = nullptr;
};

}  // namespace cbr::detail
