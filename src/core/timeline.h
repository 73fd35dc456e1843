// The submissions of one queue that are in flight, in serial order. Pure logic.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <cbr/types.h>

namespace cbr::detail {

/// Serials are given out and retired in order, so a queue of slot indices is all it takes.
class Timeline {
 public:
  /// At most `capacity` submissions are in flight at once.
  explicit Timeline(std::uint32_t capacity) : slots_(capacity) {}

  /// Makes room for `capacity` submissions in flight, if there is less.
  void reserve(std::uint32_t capacity);

  /// Records that `slot` was submitted with the serial after last_submitted().
  void push(SlotIndex slot);
  /// Takes out the oldest submission in flight if `completed` covers it.
  std::optional<SlotIndex> pop(Serial completed) {
    if (count_ == 0 || !completed.covers(oldest_serial())) return std::nullopt;
    const SlotIndex slot = slots_[head_];
    if (++head_ == slots_.size()) head_ = 0;
    --count_;
    return slot;
  }

  [[nodiscard]] Serial last_submitted() const { return last_submitted_; }
  /// The oldest serial in flight; nothing if there is none.
  [[nodiscard]] std::optional<Serial> oldest() const {
    return count_ == 0 ? std::nullopt : std::optional(oldest_serial());
  }

 private:
  [[nodiscard]] Serial oldest_serial() const {
    return Serial(last_submitted_.value() - count_ + 1);
  }

  std::vector<SlotIndex> slots_;
  std::uint32_t head_ = 0;
  std::uint32_t count_ = 0;
  Serial last_submitted_;
};

}  // namespace cbr::detail
