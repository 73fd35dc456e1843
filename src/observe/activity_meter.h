// What a queue of the GPU did, told submission by submission. Pure logic.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include <cbr/gpu_activity.h>
#include <cbr/submission_times.h>
#include <cbr/types.h>

namespace cbr::observe {

/// One queue's. Whoever has it guards it.
class ActivityMeter {
 public:
  /// The queue's next submission has ended.
  void ended(const Completion& completion, const SubmissionTimes& times);
  /// Starts anew: what lies before `now`, by the host's clock, is not counted.
  void reset(TimePoint now);
  [[nodiscard]] const GpuActivity& activity() const { return activity_; }

 private:
  /// Counts the slots that were of use when this one's lease began.
  void count_in_use(const SubmissionTimes& times);

  GpuActivity activity_;
  /// When the queue's work had ended, by the device's clock; empty where that is not known.
  std::optional<std::chrono::nanoseconds> last_end_;
  /// What lies before is not counted.
  std::optional<TimePoint> reset_at_;
  /// When the last submissions had ended, by the host's clock: each at its number modulo the size.
  std::array<TimePoint, 64> recent_ends_{};
  std::uint64_t ends_ = 0;
};

}  // namespace cbr::observe
