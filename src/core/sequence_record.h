// The places of a sequence: which of its leases runs next. Pure logic: the ring's state mutex
// guards it.
#pragma once

#include <cbr/types.h>

#include "core/intrusive_list.h"
#include "core/submission.h"

namespace cbr::detail {

/// The leases of one sequence that the driver has not got yet, in the order of acquisition.
struct SequenceRecord {
  explicit SequenceRecord(QueueIndex its_queue) : queue(its_queue) {}

  const QueueIndex queue;

  [[nodiscard]] bool first(const Submission& submission) const {
    return places_.front() == &submission;
  }
  [[nodiscard]] Submission* front() const { return places_.front(); }
  void reserve(Submission& submission) {
    places_.push_back(submission);
    submission.in_sequence = true;
  }
  /// Gives up a place, wherever it stands. Does nothing if there is none.
  void give_up(Submission& submission) {
    if (!submission.in_sequence) return;
    places_.remove(submission);
    submission.in_sequence = false;
  }

 private:
  IntrusiveList<Submission, &Submission::sequence_previous, &Submission::sequence_next> places_;
};

}  // namespace cbr::detail
