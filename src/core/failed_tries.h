// Which threads have asked for a slot in vain, and since when. Pure logic: the ring's state mutex
// guards it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include <cbr/types.h>

#include "core/sync.h"

namespace cbr::detail {

/// A thread that tries again and again wants a slot from its first try on, although none of its
/// calls waits. Of more threads than there is room for, the one that has been trying for longest is
/// forgotten: it may be doing something else by now.
class FailedTries {
 public:
  static constexpr std::size_t size = 8;

  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// A thread asked at that moment, and got none.
  void add(Thread::id thread, TimePoint asked_at) {
    if (asked_at == TimePoint{} || find(thread) != nullptr) return;
    if (count_ == size) {
      Try& oldest = *std::min_element(
          tries_.begin(), tries_.end(),
          [](const Try& left, const Try& right) { return left.since < right.since; });
      oldest = {thread, asked_at};
      return;
    }
    tries_[count_++] = {thread, asked_at};
  }
  /// Since when the thread has tried, if it has; it is forgotten.
  std::optional<TimePoint> take(Thread::id thread) {
    Try* const found = find(thread);
    if (found == nullptr) return std::nullopt;
    const TimePoint since = found->since;
    *found = tries_[--count_];
    return since;
  }

 private:
  struct Try {
    Thread::id thread{};
    TimePoint since{};
  };
  Try* find(Thread::id thread) {
    Try* const end = tries_.data() + count_;
    Try* const found =
        std::find_if(tries_.data(), end, [&](const Try& each) { return each.thread == thread; });
    return found == end ? nullptr : found;
  }

  std::array<Try, size> tries_{};
  std::size_t count_ = 0;
};

}  // namespace cbr::detail
