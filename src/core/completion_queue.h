// The submissions of one queue whose callbacks are to run, and the thread that runs them.
#pragma once

#include <cstdint>

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
  /// Signalled when there may be something to do.
  ConditionVariable changed;
  Thread thread;

  void push(Submission& submission) {
    submission.next = nullptr;
    (last_ != nullptr ? last_->next : first_) = &submission;
    last_ = &submission;
    changed.notify_one();
  }
  /// The oldest that has ended; null if there is none.
  Submission* pop() {
    Submission* submission = first_;
    if (submission == nullptr) return nullptr;
    first_ = submission->next;
    if (first_ == nullptr) last_ = nullptr;
    submission->next = nullptr;
    return submission;
  }

 private:
  Submission* first_ = nullptr;
  Submission* last_ = nullptr;
};

}  // namespace cbr::detail
