// The records behind tickets, reused so that steady state allocates nothing.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include <cbr/types.h>

namespace cbr::detail {

/// One submission as tickets see it. Everything but `references` is written before `done` is set,
/// and does not change afterwards.
struct Submission {
  SlotIndex slot{};
  QueueIndex queue{};
  Serial serial;
  std::atomic<bool> done = false;
  Completion completion;
  /// The ring holds one while the work is in flight, each ticket holds one.
  std::atomic<std::uint32_t> references = 0;
  Submission* next_free = nullptr;
};

/// Hands out records and takes them back. Not thread-safe: the ring's lock guards it.
class SubmissionPool {
 public:
  /// Makes room for `count` records at once.
  explicit SubmissionPool(std::uint32_t count) { grow(count); }

  /// A blank record without references. Allocates only when all records are in use: when tickets
  /// outlive their slots.
  Submission* take();
  void give_back(Submission* submission) noexcept;

 private:
  void grow(std::uint32_t count);

  std::vector<std::unique_ptr<Submission[]>> blocks_;
  std::uint32_t total_ = 0;
  Submission* free_ = nullptr;
};

}  // namespace cbr::detail
