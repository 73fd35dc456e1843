// For how long the GPU has work, as far as the host can tell. Pure logic.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <cbr/types.h>

namespace cbr::detail {

/// What the driver has of one queue: how much of it there is, and how fast it ends. It errs on the
/// short side, and needs no GPU times. A queue's submit mutex guards it.
class GpuBacklog {
 public:
  /// The driver has everything up to `serial`, the newest of it since `now`. Returns how many
  /// submissions that adds.
  std::uint64_t sent(Serial serial, TimePoint now);
  /// Everything up to `serial` had ended, as was noticed at `noticed`. May be told again.
  void ended(Serial serial, TimePoint noticed);
  /// Until when the GPU has work; empty where nobody knows, where there is none, and where its
  /// submissions take long.
  [[nodiscard]] std::optional<TimePoint> busy_until() const;

 private:
  Serial sent_;
  Serial ended_;
  TimePoint noticed_{};
  /// What the driver had at that moment.
  Serial sent_by_then_;
  /// Notes what a submission has taken the GPU.
  void measure(std::chrono::nanoseconds step);
  std::array<std::chrono::nanoseconds, 16> measured_{};
  std::size_t measurements_ = 0;
  /// What a submission takes the GPU, if it is one of the quick ones.
  std::optional<std::chrono::nanoseconds> step_;
  TimePoint busy_until_{};
};

/// How quickly submissions of one queue follow each other. A queue's submit mutex guards it.
class SubmitPace {
 public:
  /// One comes at `now`.
  void came(TimePoint now);
  /// After what time the next will come, if it comes in the same run as this.
  [[nodiscard]] std::chrono::nanoseconds expected() const { return std::min(last_, mean_); }

 private:
  TimePoint came_{};
  std::chrono::nanoseconds last_{0};
  std::chrono::nanoseconds mean_{0};
};

}  // namespace cbr::detail
