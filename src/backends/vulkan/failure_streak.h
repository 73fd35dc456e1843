// Failures that no call throws.
#pragma once

#include <atomic>
#include <functional>
#include <string_view>

namespace cbr::vulkan {

/// Who takes the lines, as in SlotLayout; null if nobody does.
using Report = std::function<void(std::string_view text)>;

/// Failures of one thing that is tried again and again: the first of a streak is reported. May be
/// used by any thread.
class FailureStreak {
 public:
  /// `make_text()` is called for the first of a streak.
  template <typename MakeText>
  void failed(const Report& report, MakeText&& make_text) noexcept {
    if (failing_.exchange(true, std::memory_order_relaxed) || !report) return;
    try {
      report(make_text());
    } catch (...) {
      // Who can't take a line doesn't get it: whatever failed didn't matter.
    }
  }
  void succeeded() noexcept {
    // Looked at first: most don't come after a failure, and needn't take the cache line.
    if (failing_.load(std::memory_order_relaxed)) failing_.store(false, std::memory_order_relaxed);
  }

 private:
  std::atomic<bool> failing_ = false;
};

}  // namespace cbr::vulkan
