#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <cbr/options.h>
#include <cbr/recording.h>

#include "observe/activity_meter.h"
#include "observe/device_clock.h"
#include "observe/queue_order.h"

namespace cbr {
namespace {

using std::chrono::nanoseconds;

/// What the backend said of it when it had ended.
Completion completion_of(const RecordedSubmission& submission) {
  Completion completion;
  completion.interval = submission.interval;
  if (!submission.interval) return completion;
  completion.end = submission.interval->end;
  completion.clock = observe::clock_of(submission);
  return completion;
}

/// So much of all queues is told, and no more: 73 years. In a file that makes things up, times may
/// add up to more than a number holds.
constexpr auto most_ns = static_cast<double>(observe::longest_ns);

double length_ns(TimePoint begin, TimePoint end) {
  return std::max(0.0, static_cast<double>(nanoseconds(end - begin).count()));
}

/// What one queue did, whose submissions stand at these places in the order in which they ended.
/// Counts in `told_ns` no less than what its parts add up to.
GpuActivity activity_of(const Recording& recording, const std::vector<std::size_t>& places,
                        double& told_ns) {
  observe::ActivityMeter meter;
  const RecordedSubmission* last = nullptr;
  for (const std::size_t place : places) {
    const RecordedSubmission* const submission = &recording.submissions[place];
    const SubmissionTimes& times = submission->times;
    told_ns += length_ns(times.acquire_end, times.submit_begin) +
               length_ns(times.submit_begin, times.submit_end);
    if (submission->interval) {
      const nanoseconds from = last != nullptr && last->interval
                                   ? std::min(last->interval->start, submission->interval->start)
                                   : submission->interval->start;
      told_ns += static_cast<double>((submission->interval->end - from).count());
    }
    if (told_ns > most_ns) break;
    // Between two that don't follow each other there was work, and no gap.
    if (last != nullptr && last->serial.value() + 1 != submission->serial.value()) {
      meter.ended({}, {});
    }
    meter.ended(completion_of(*submission), times);
    last = submission;
  }
  return meter.activity();
}

}  // namespace

RingStatistics statistics_of(const Recording& recording) {
  RingStatistics statistics;
  statistics.ring_size = recording.ring_size;
  const auto all = static_cast<std::uint64_t>(recording.submissions.size());
  statistics.total_acquisitions = statistics.total_releases = statistics.submissions = all;
  for (const RecordedSubmission& submission : recording.submissions) {
    ++(submission.failed ? statistics.failures : statistics.completions);
    if (!submission.times.waited) continue;
    ++statistics.wait_events;
    const double waited_ms =
        length_ns(submission.times.acquire_begin, submission.times.acquire_end) / 1e6;
    statistics.total_wait_ms += waited_ms;
    statistics.max_wait_ms = std::max(statistics.max_wait_ms, waited_ms);
  }
  if (statistics.wait_events > 0) {
    statistics.avg_wait_ms = statistics.total_wait_ms / static_cast<double>(statistics.wait_events);
  }
  if (all > 0) {
    statistics.reuse_rate =
        static_cast<double>(all - statistics.wait_events) / static_cast<double>(all);
  }
  GpuActivity gpu;
  double told_ns = 0.0;
  // No ring has more queues than slots.
  const bool several = recording.queue_count > 1 && recording.queue_count <= max_ring_size;
  std::vector<GpuActivity> by_queue(several ? recording.queue_count : 0);
  for (const auto& [queue, places] : observe::queue_order(recording)) {
    const GpuActivity activity = activity_of(recording, places, told_ns);
    gpu += activity;
    if (to_number(queue) < by_queue.size()) by_queue[to_number(queue)] = activity;
  }
  gpu.queues = recording.queue_count;
  if (gpu.submissions == 0) return statistics;
  statistics.gpu = gpu;
  for (GpuActivity& activity : by_queue) activity.queues = 1;
  statistics.gpu_by_queue = std::move(by_queue);
  return statistics;
}

}  // namespace cbr
