// The submissions of one queue that a completion thread has to see to. Pure logic: the ring's state
// mutex guards it.
#pragma once

#include <cstdint>
#include <optional>

#include <cbr/types.h>

#include "core/intrusive_list.h"
#include "core/submission.h"

namespace cbr::detail {

/// First they are in flight, in the order of their serials; then they have ended, in the same
/// order, and wait for their callbacks to be run.
class WatchedQueue {
 public:
  /// `submission` is in flight. Nearly always at the end, which takes no search.
  void watch(Submission& submission) {
    if (submission.in_watched) return;
    Submission* before = in_flight_.back();
    while (before != nullptr && number(*before) > number(submission))
      before = List::previous(*before);
    in_flight_.insert_after(before, submission);
    submission.in_watched = true;
  }
  /// Nobody waits for it any more. Does nothing if it is not watched.
  void forget(Submission& submission) {
    if (!submission.in_watched) return;
    in_flight_.remove(submission);
    submission.in_watched = false;
  }
  /// It has ended; its callbacks are to be run.
  void ended(Submission& submission) {
    forget(submission);
    ended_.push_back(submission);
  }
  /// The oldest of those in flight; nothing if there is none.
  [[nodiscard]] std::optional<Serial> oldest() const {
    if (in_flight_.empty()) return std::nullopt;
    return Serial(number(*in_flight_.front()));
  }
  /// Takes out the oldest that has ended; null if there is none.
  Submission* pop_ended() { return ended_.pop_front(); }
  [[nodiscard]] bool has_ended() const { return !ended_.empty(); }

 private:
  using List = IntrusiveList<Submission, &Submission::watched_previous, &Submission::watched_next>;

  static std::uint64_t number(const Submission& submission) {
    return submission.serial.load(std::memory_order_relaxed);
  }

  List in_flight_;
  List ended_;
};

}  // namespace cbr::detail
