// How leases become submissions: in the order of serials, and held back where a sequence or what
// they wait for says so.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <utility>

#include "core/completion.h"
#include "core/predecessors.h"
#include "core/ring_context.h"
#include "core/sequence_record.h"
#include "core/submission.h"

namespace cbr::detail {

/// All functions may be called by any thread that holds none of the ring's locks.
class Submitting {
 public:
  Submitting(RingContext& ring, Retirement& retirement)
      : ring_(ring), retirement_(retirement), predecessors_(ring) {}

  /// Has `arm` called when something is gathered, with the time by which it is to be sent. Before
  /// the first submission.
  void when_gathered(std::function<void(TimePoint by)> arm) { when_gathered_ = std::move(arm); }

  /// What became of a lease that was to be submitted.
  struct Result {
    /// Null if it is a submission now.
    std::exception_ptr failure;
    /// The backend is still recording, and has to be told to discard it.
    bool recording = false;
  };
  /// Hands a lease's work to the driver, or holds it back if it isn't its turn, or if the GPU can't
  /// wait for what it has to. If that worked, the caller has a reference to the submission.
  Result submit(Submission& submission) CBR_EXCLUDES(ring_.state);
  /// A lease ends without a submission: gives up its place, and sends what was held back behind it.
  void leave_sequence(Submission& submission) noexcept CBR_EXCLUDES(ring_.state);
  /// Sends what is held back, as far as no lease stands before it.
  void send_held(SequenceRecord& sequence) noexcept CBR_EXCLUDES(ring_.state);
  /// What `submission` hung on has come: sends it, and what is held behind it, if there is nothing
  /// else to wait for. Others that can look again because of that are added to `more`.
  void resume(Submission& submission, ResumedSubmissions& more) noexcept CBR_EXCLUDES(ring_.state);
  /// The ring ends: fails what is still held, since what it waits for may never come.
  void fail_held(RingQueue& queue) noexcept CBR_EXCLUDES(ring_.state);

 private:
  /// What has to be told once no lock is held. Each of `sent` has a reference for that.
  struct Told {
    SubmissionChain sent;
    /// Held, and lost with the device: there is nothing to tell of them.
    SubmissionChain lost;
    /// Held, and to hang on the end of another submission.
    SubmissionChain hanging;
    std::exception_ptr loss;
    /// The device may have been lost between a native submit and its record.
    bool late = false;
    FollowUp follow_up;

    [[nodiscard]] bool empty() const {
      return sent.empty() && lost.empty() && hanging.empty() && loss == nullptr && !late &&
             follow_up.empty();
    }
  };
  /// The native submit and its record.
  void send(RingQueue& queue, Submission& submission, Told& told) CBR_REQUIRES(queue.submit_mutex);
  /// Hands it to the driver, or has it gathered where that may be.
  void send_or_gather(RingQueue& queue, Submission& submission, Serial serial)
      CBR_REQUIRES(queue.submit_mutex);
  /// Until when the driver can do without it, if it may be gathered at all.
  [[nodiscard]] std::optional<TimePoint> may_wait_until(RingQueue& queue,
                                                        const Submission& submission) const
      CBR_REQUIRES(queue.submit_mutex);
  /// True if the submission is held now; false if it can be sent. `seen` as for
  /// Predecessors::require_no_cycle.
  bool hold_back(Submission& submission, const Predecessors::Survey& survey, Dependencies& seen);
  /// Holds it back where it isn't its sequence's turn, or if it can't go for another reason.
  bool hold_back(Submission& submission, bool can_go);
  /// Sends what is held and whose turn has come: all of a sequence, or `alone` if there is none.
  void advance(RingQueue& queue, SequenceRecord* sequence, Submission* alone, Told& told)
      CBR_REQUIRES(queue.submit_mutex);
  /// Sends one that is held, unless it has to wait for something first. True if those behind it may
  /// follow. Takes over a reference.
  bool send_held(RingQueue& queue, Submission& submission, Told& told)
      CBR_REQUIRES(queue.submit_mutex);
  /// The driver has it since just now.
  void note_sent(Submission& submission) const;
  void note(RingQueue& queue, Told& told);
  void tell(RingQueue& queue, Told& told) noexcept;

  RingContext& ring_;
  Retirement& retirement_;
  const Predecessors predecessors_;
  std::function<void(TimePoint by)> when_gathered_;
};

}  // namespace cbr::detail
