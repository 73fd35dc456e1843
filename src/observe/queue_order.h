// The submissions of a recording, queue by queue. Pure logic, in a header: both libraries that read
// recordings use it, and the core's exports nothing of its own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include <cbr/recording.h>
#include <cbr/types.h>

namespace cbr::observe {

/// The places in the recording of what each queue ran, in the order of the serials: so it ended,
/// whatever the order in which slots were asked for.
[[nodiscard]] inline std::map<QueueIndex, std::vector<std::size_t>> queue_order(
    const Recording& recording) {
  const auto serial_at = [&](std::size_t place) {
    return recording.submissions[place].serial.value();
  };
  std::map<QueueIndex, std::vector<std::size_t>> queues;
  for (std::size_t i = 0; i < recording.submissions.size(); ++i) {
    // Serial 0 never reached the GPU.
    if (serial_at(i) > 0) queues[recording.submissions[i].queue].push_back(i);
  }
  for (auto& [queue, places] : queues) {
    std::stable_sort(places.begin(), places.end(), [&](std::size_t left, std::size_t right) {
      return serial_at(left) < serial_at(right);
    });
  }
  return queues;
}

/// How the device's clock relates to the host's, as the times of a submission tell; empty if they
/// don't.
[[nodiscard]] inline std::optional<ClockOffset> clock_of(const RecordedSubmission& submission) {
  const auto& gpu = submission.times.gpu;
  if (!gpu || !submission.interval) return std::nullopt;
  return ClockOffset{gpu->start.time_since_epoch() - submission.interval->start, gpu->deviation};
}

}  // namespace cbr::observe
