#include "core/submission_pool.h"

namespace cbr::detail {

Submission* SubmissionPool::take() {
  if (free_ == nullptr) grow(total_);
  Submission* submission = free_;
  free_ = submission->next;
  submission->next = nullptr;
  return submission;
}

void SubmissionPool::give_back(Submission* submission) noexcept {
  submission->serial.store(0, std::memory_order_relaxed);
  submission->done.store(false, std::memory_order_relaxed);
  submission->looked_at.store(false, std::memory_order_relaxed);
  submission->completion = {};
  submission->sequence.reset();
  submission->next = free_;
  free_ = submission;
}

void SubmissionPool::grow(std::uint32_t count) {
  blocks_.push_back(std::make_unique<Submission[]>(count));
  for (std::uint32_t i = 0; i < count; ++i) give_back(&blocks_.back()[i]);
  total_ += count;
}

}  // namespace cbr::detail
