// The gaps of a recording, part by part: what a picture of it shows. Pure logic.
#pragma once

#include <cstddef>
#include <vector>

#include <cbr/gpu_activity.h>
#include <cbr/recording.h>
#include <cbr/types.h>

namespace cbr::observe {

/// A stretch of a gap that has one cause, by the host's clock.
struct IdlePart {
  QueueIndex queue{};
  /// The submission that ended the gap: its place in the recording.
  std::size_t submission = 0;
  GapCause cause{};
  TimePoint begin{};
  TimePoint end{};
};

/// All of them, queue by queue in the order of time; those of one gap follow each other. For each
/// cause they add up to what statistics_of() counts, but for gaps that the host's clock doesn't
/// tell: those have no place in a picture.
[[nodiscard]] std::vector<IdlePart> idle_parts(const Recording& recording);

}  // namespace cbr::observe
