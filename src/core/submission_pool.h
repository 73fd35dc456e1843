// The records behind tickets, reused so that steady state allocates nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <source_location>
#include <vector>

#include <cbr/ticket.h>
#include <cbr/types.h>

#include "core/label.h"
#include "core/sync.h"

namespace cbr::detail {

struct SequenceRecord;

/// One submission: first as its lease sees it, then as its tickets do. The lease alone writes to it
/// until it is submitted. Afterwards, everything that is not atomic was written before `done` is
/// set and doesn't change, but for the continuations, which the ring's lock guards.
struct Submission {
  SlotIndex slot{};
  QueueIndex queue{};
  /// 0 until the driver has it.
  Atomic<std::uint64_t> serial = 0;
  Atomic<bool> done = false;
  Completion completion;

  Label label;
  std::source_location acquired_at;
  std::source_location submitted_at;

  /// The ring holds one while the work is in flight, each ticket holds one.
  Atomic<std::uint32_t> references = 0;
  /// A ticket was asked how it ended.
  Atomic<bool> looked_at = false;

  /// The sequence that this is a part of, or null.
  std::shared_ptr<SequenceRecord> sequence;
  /// What to do and what to let go of when it has ended.
  Continuation* first_continuation = nullptr;
  Continuation* last_continuation = nullptr;
  std::vector<std::shared_ptr<const void>> kept_alive;

  /// The next in the pool, or among the ended ones.
  Submission* next = nullptr;

  /// True if a completion thread has something to do when it has ended.
  [[nodiscard]] bool watched() const {
    return first_continuation != nullptr || !kept_alive.empty();
  }
};

/// Hands out records and takes them back. Not thread-safe: the ring's lock guards it.
class SubmissionPool {
 public:
  /// Makes room for `count` records at once.
  explicit SubmissionPool(std::uint32_t count) { grow(count); }

  /// A blank record without references. Allocates only when all records are in use: when tickets
  /// outlive their slots.
  Submission* take();
  /// `submission` keeps nothing alive any more: what it kept has been let go of without the lock.
  void give_back(Submission* submission) noexcept;

 private:
  void grow(std::uint32_t count);

  std::vector<std::unique_ptr<Submission[]>> blocks_;
  std::uint32_t total_ = 0;
  Submission* free_ = nullptr;
};

}  // namespace cbr::detail
