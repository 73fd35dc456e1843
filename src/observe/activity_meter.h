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
  /// The time in which a slot was of use, by the host's clock, and how many were as it began.
  struct Use {
    TimePoint begin{};
    TimePoint end{};
    std::uint32_t at_once = 1;
  };
  /// Counts the slots that were of use at one time.
  void count_in_use(const SubmissionTimes& times);
  /// When the slot of the queue's next submission was of no use any more, as far as is known.
  [[nodiscard]] TimePoint end_of_use(const SubmissionTimes& times);

  GpuActivity activity_;
  /// When the queue's work had ended, by the device's clock; empty where that is not known.
  std::optional<std::chrono::nanoseconds> last_end_;
  /// What lies before is not counted.
  std::optional<TimePoint> reset_at_;
  /// When the ring noticed the last submission, and the last one that it noticed clearly before.
  TimePoint noticed_{};
  TimePoint looked_at_{};
  /// The last submissions: each at its number modulo the size.
  std::array<Use, 64> recent_{};
  std::uint64_t uses_ = 0;
};

}  // namespace cbr::observe
