// When the GPU worked and when it stood idle, from the intervals of its submissions.
#pragma once

#include <chrono>
#include <vector>

#include <cbr/types.h>

namespace cbr::bench {

/// The GPU's time over a stretch of submissions.
struct GpuTimeline {
  /// The length of the union of all intervals: moments with two submissions at work count once.
  std::chrono::nanoseconds busy{};
  /// The gaps between consecutive parts of that union, in order of time. Intervals that touch leave
  /// no gap. Time before the first submission and after the last is not in it.
  std::vector<std::chrono::nanoseconds> idle_gaps;
};

/// Builds the timeline from the intervals of one device, in any order. An interval that ends where
/// it starts, or before, holds no time and is left out.
[[nodiscard]] GpuTimeline build_gpu_timeline(std::vector<GpuInterval> intervals);

}  // namespace cbr::bench
