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
    insert(in_flight_, submission);
    submission.in_watched = true;
  }
  /// Nobody waits for it any more. Does nothing if it is not watched.
  void forget(Submission& submission) {
    if (!submission.in_watched) return;
    in_flight_.remove(submission);
    submission.in_watched = false;
  }
  /// It has ended; its callbacks are to be run. Nearly always after all that have ended before.
  void ended(Submission& submission) {
    forget(submission);
    insert(ended_, submission);
  }
  /// The oldest of those in flight; nothing if there is none.
  [[nodiscard]] std::optional<Serial> oldest() const {
    if (in_flight_.empty()) return std::nullopt;
    return Serial(number(*in_flight_.front()));
  }
  /// Takes out the oldest that has ended; null if there is none, or if an older one is in flight:
  /// the loss of the device ends at once what nobody reads the outcome of, be it the later one.
  Submission* pop_ended() {
    if (ended_.empty()) return nullptr;
    const auto oldest_in_flight = oldest();
    const bool is_oldest = !oldest_in_flight || number(*ended_.front()) < oldest_in_flight->value();
    return is_oldest ? ended_.pop_front() : nullptr;
  }
  [[nodiscard]] bool has_ended() const { return !ended_.empty(); }

 private:
  using List = IntrusiveList<Submission, &Submission::watched_previous, &Submission::watched_next>;

  static std::uint64_t number(const Submission& submission) {
    return submission.serial.load(std::memory_order_relaxed);
  }

  /// In the order of serials. What never got one comes first.
  static void insert(List& list, Submission& submission) {
    Submission* before = list.back();
    while (before != nullptr && number(*before) > number(submission))
      before = List::previous(*before);
    list.insert_after(before, submission);
  }

  List in_flight_;
  List ended_;
};

}  // namespace cbr::detail
