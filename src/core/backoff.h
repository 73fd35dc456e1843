// How long to wait before trying again what failed.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

namespace cbr::detail {

/// A millisecond at first, then twice as long each time, up to 100 ms: soon enough for a failure
/// that passes, and seldom enough for one that stays.
class Backoff {
 public:
  /// Nothing has failed yet, or not since reset().
  [[nodiscard]] bool is_fresh() const { return next_ == first; }
  /// How long to wait this time.
  [[nodiscard]] std::chrono::milliseconds next() {
    return std::exchange(next_, std::min(2 * next_, last));
  }
  void reset() { next_ = first; }

 private:
  static constexpr std::chrono::milliseconds first{1};
  static constexpr std::chrono::milliseconds last{100};
  std::chrono::milliseconds next_ = first;
};

}  // namespace cbr::detail
