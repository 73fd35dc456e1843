#include "observe/idle_parts.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>

#include <cbr/submission_times.h>

#include "observe/attribution.h"
#include "observe/device_clock.h"
#include "observe/queue_order.h"

namespace cbr::observe {
namespace {

using std::chrono::nanoseconds;

/// In the order in which a submission comes by them. One that is held back for other work waits for
/// that before it is submitted, and others on the GPU.
constexpr std::array<GapCause, gap_cause_count> order_on_gpu = {
    GapCause::application, GapCause::slot_wait,  GapCause::wake_up, GapCause::encode,
    GapCause::submit,      GapCause::dependency, GapCause::device,  GapCause::unknown};
constexpr std::array<GapCause, gap_cause_count> order_on_host = {
    GapCause::application, GapCause::slot_wait, GapCause::wake_up, GapCause::encode,
    GapCause::dependency,  GapCause::submit,    GapCause::device,  GapCause::unknown};

/// Walks along the submissions of one queue, as ActivityMeter does.
class QueueWalk {
 public:
  QueueWalk(const Recording& recording, std::vector<IdlePart>& parts)
      : recording_(recording), parts_(parts) {}

  void add(std::size_t index) {
    const RecordedSubmission& submission = recording_.submissions[index];
    const bool follows = last_serial_ + 1 == submission.serial.value();
    last_serial_ = submission.serial.value();
    const auto& interval = submission.interval;
    if (!interval || !is_possible(*interval)) {
      last_end_.reset();
      return;
    }
    if (!follows) last_end_.reset();
    if (last_end_ && interval->start > *last_end_) add_gap({*last_end_, interval->start}, index);
    last_end_ = last_end_ ? std::max(*last_end_, interval->end) : interval->end;
  }

 private:
  void add_gap(const Gap& gap, std::size_t index) {
    const RecordedSubmission& submission = recording_.submissions[index];
    const SubmissionTimes& times = submission.times;
    if (!times.gpu || !is_countable(times.gpu->start) || !is_countable(times.gpu->deviation)) {
      return;
    }
    const IdleByCause idle = split_gap(gap, times, clock_of(submission));
    TimePoint at = times.gpu->start - gap.length();
    for (const GapCause cause : times.held_for_dependency ? order_on_host : order_on_gpu) {
      const nanoseconds time = idle[cause];
      if (time <= nanoseconds(0)) continue;
      parts_.push_back({submission.queue, index, cause, at, at + time});
      at += time;
    }
  }

  const Recording& recording_;
  std::vector<IdlePart>& parts_;
  std::uint64_t last_serial_ = 0;
  std::optional<nanoseconds> last_end_;
};

}  // namespace

std::vector<IdlePart> idle_parts(const Recording& recording) {
  std::vector<IdlePart> parts;
  for (const auto& [queue, places] : queue_order(recording)) {
    QueueWalk walk(recording, parts);
    for (const std::size_t place : places) walk.add(place);
  }
  return parts;
}

}  // namespace cbr::observe
