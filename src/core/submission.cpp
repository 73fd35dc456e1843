#include "core/submission.h"

#include "core/ring_core.h"
#include "core/sequence_record.h"

namespace cbr::detail {

void EndWatch::run(const Ticket& /*ticket*/) noexcept {
  dependant->core->resume(*dependant);
}

Submission& SubmissionPool::take() {
  if (free_ == nullptr) grow(total_);
  Submission& submission = *free_;
  free_ = submission.chain_next;
  submission.chain_next = nullptr;
  ++in_use_;
  return submission;
}

void SubmissionPool::give_back(Submission& submission) noexcept {
  submission.serial.store(0, std::memory_order_relaxed);
  submission.phase.store(Phase::leased, std::memory_order_relaxed);
  submission.done.store(false, std::memory_order_relaxed);
  submission.looked_at.store(false, std::memory_order_relaxed);
  submission.completion.interval.reset();
  submission.completion.end.reset();
  submission.completion.clock.reset();
  submission.times = {};
  submission.leased_since.store(0, std::memory_order_relaxed);
  if (submission.completion.error != nullptr) submission.completion.error = nullptr;
  submission.next_hang_warning = {};
  submission.hangs = false;
  submission.foreign_waits.count = 0;
  if (submission.sequence != nullptr) submission.sequence.reset();
  submission.chain_next = free_;
  free_ = &submission;
  --in_use_;
}

void SubmissionPool::grow(std::uint32_t count) {
  blocks_.reserve(blocks_.size() + 1);
  blocks_.push_back(std::make_unique<Submission[]>(count));
  total_ += count;
  for (std::uint32_t i = 0; i < count; ++i) {
    Submission& submission = blocks_.back()[i];
    submission.core = &core_;
    submission.chain_next = free_;
    free_ = &submission;
  }
}

}  // namespace cbr::detail
