// How leases become submissions: in the order of serials, and in their turn where a sequence says
// so.
#pragma once

#include <exception>
#include <source_location>

#include "core/completion.h"
#include "core/ring_context.h"
#include "core/sequence_record.h"
#include "core/submission.h"

namespace cbr::detail {

/// All functions may be called by any thread that holds none of the ring's locks.
class Submitting {
 public:
  Submitting(RingContext& ring, Retirement& retirement) : ring_(ring), retirement_(retirement) {}

  /// What became of a lease that was to be submitted.
  struct Result {
    /// Null if it is a submission now.
    std::exception_ptr failure;
    /// The backend is still recording, and has to be told to discard it.
    bool recording = false;
  };
  /// Hands a lease's work to the driver, or holds it back if it isn't its turn. If that worked, the
  /// caller has a reference to the submission.
  Result submit(Submission& submission) CBR_EXCLUDES(ring_.state);
  /// A lease ends without a submission: gives up its place, and sends what was held back behind it.
  void leave_sequence(Submission& submission) noexcept CBR_EXCLUDES(ring_.state);
  /// Sends what is held back, as far as no lease stands before it.
  void send_held(SequenceRecord& sequence) noexcept CBR_EXCLUDES(ring_.state);

 private:
  /// What has to be told once no lock is held. Each of `sent` has a reference for that.
  struct Told {
    SubmissionChain sent;
    /// Held, and lost with the device: there is nothing to tell of them.
    SubmissionChain lost;
    std::exception_ptr loss;
    /// The device may have been lost between a native submit and its record.
    bool late = false;
    FollowUp follow_up;

    [[nodiscard]] bool empty() const {
      return sent.empty() && lost.empty() && loss == nullptr && !late && follow_up.empty();
    }
  };
  /// The native submit and its record.
  void send(RingQueue& queue, Submission& submission, Told& told) CBR_REQUIRES(queue.submit_mutex);
  /// True if the submission is held now; false if it is its turn.
  bool hold_back(Submission& submission);
  /// Sends what a sequence has held back and whose turn has come.
  void advance(RingQueue& queue, SequenceRecord& sequence, Told& told)
      CBR_REQUIRES(queue.submit_mutex);
  void note(RingQueue& queue, Told& told);
  void tell(RingQueue& queue, Told& told) noexcept;

  RingContext& ring_;
  Retirement& retirement_;
};

}  // namespace cbr::detail
