// How a slot becomes a lease, and how one that is not submitted is given up.
#pragma once

#include <chrono>
#include <memory>
#include <source_location>

#include <cbr/lease.h>
#include <cbr/options.h>

#include "core/admission.h"
#include "core/completion.h"
#include "core/ring_context.h"
#include "core/submission.h"
#include "core/submitting.h"

namespace cbr::detail {

/// All functions may be called by any thread that holds none of the ring's locks and that the
/// ring's end waits for: in a call of the ring, within a visit to its gate, or on the acquire
/// thread. Those that give up after the ring, or make a visit themselves, say so.
class SlotLeasing {
 public:
  SlotLeasing(RingContext& ring, Retirement& retirement, Submitting& submitting)
      : ring_(ring), retirement_(retirement), submitting_(submitting) {}

  /// What a request asks for. `sequence` may be null. Throws InvalidOption if it can't be had.
  [[nodiscard]] SlotRequest check(const AcquireOptions& options,
                                  const std::shared_ptr<SequenceRecord>* sequence,
                                  const std::source_location& where) const;
  /// A slot for the request, if one was free when the state was last locked; else null. Throws what
  /// RingState::require_usable does.
  Submission* take_free(const SlotRequest& request) CBR_EXCLUDES(ring_.state);
  /// Begins a leased slot, and makes its lease. If this throws, the slot is free again. `waited` is
  /// for the observer.
  Lease begin(Submission& submission, std::chrono::nanoseconds waited) CBR_EXCLUDES(ring_.state);
  /// Throws AcquireTimeout, which names what was in the way.
  [[noreturn]] void throw_timeout(std::chrono::nanoseconds waited, std::chrono::nanoseconds limit)
      CBR_EXCLUDES(ring_.state);

  /// Gives up the slot of a lease that was not submitted, and that keeps nothing alive any more.
  void give_up(Submission& submission) noexcept CBR_EXCLUDES(ring_.state);
  /// The same once the ring has ended: a visit was refused.
  void give_up_after_ring(Submission& submission) noexcept CBR_EXCLUDES(ring_.state);
  /// Gives up a slot that was not begun, and makes the visit for it.
  void give_up_unbegun(Submission& submission) noexcept CBR_EXCLUDES(ring_.state);

 private:
  RingContext& ring_;
  Retirement& retirement_;
  Submitting& submitting_;
};

}  // namespace cbr::detail
