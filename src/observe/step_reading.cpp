#include "observe/step_reading.h"

#include <algorithm>
#include <map>
#include <utility>

#include "observe/attribution.h"
#include "observe/median.h"

namespace cbr::observe {
namespace {

using std::chrono::nanoseconds;
constexpr nanoseconds none{0};

/// The costs of one kind, of which some steps tell nothing: those are as the others in the median.
class CostsOfOneKind {
 public:
  void known(nanoseconds cost) { known_.push_back(cost); }
  void unknown(std::size_t index) { unknown_.push_back(index); }
  void fill(std::vector<StepCosts>& steps, nanoseconds StepCosts::*cost,
            std::optional<nanoseconds>& usual) const {
    if (!known_.empty()) usual = median(known_);
    for (const std::size_t index : unknown_) steps[index].*cost = usual.value_or(none);
  }

 private:
  std::vector<nanoseconds> known_;
  std::vector<std::size_t> unknown_;
};

/// The last submission of each queue that a recording has.
class LastOfQueue {
 public:
  /// When the queue's work before this submission had ended on the GPU: nothing if there was none,
  /// or if the recording doesn't have what came before.
  [[nodiscard]] std::optional<TimePoint> end_before(const RecordedSubmission& submission) const {
    const auto found = last_.find(submission.queue);
    if (found == last_.end() || found->second.serial.next().value() != submission.serial.value()) {
      return std::nullopt;
    }
    return found->second.end;
  }
  /// Whether the recording tells when the queue was free for this submission.
  [[nodiscard]] bool knows_before(const RecordedSubmission& submission) const {
    return submission.serial.value() == 1 || end_before(submission);
  }
  void add(const RecordedSubmission& submission) {
    last_[submission.queue] = {submission.serial, submission.times.gpu->end};
  }

 private:
  struct Last {
    Serial serial;
    TimePoint end{};
  };
  std::map<QueueIndex, Last> last_;
};

/// Whether sums and differences of such times can't overflow: 36 years, far more than a clock
/// reads.
bool fits(TimePoint time) {
  constexpr std::int64_t longest = std::int64_t{1} << 60;
  const std::int64_t at = time.time_since_epoch().count();
  return at > -longest && at < longest;
}

/// When the driver had the work.
TimePoint sent(const SubmissionTimes& times) {
  return std::max(times.submit_end, times.gathered_until);
}

/// How late the host learnt that the slot's earlier work had ended, where it waited for that: until
/// then it may have been busy with another lease.
std::optional<nanoseconds> lateness(const SubmissionTimes& times,
                                    std::optional<TimePoint> host_free) {
  if (!times.waited || times.slot_free == TimePoint{} || times.slot_free > times.acquire_end) {
    return std::nullopt;
  }
  TimePoint from = times.slot_free;
  if (host_free && times.acquire_begin < *host_free) from = std::max(from, *host_free);
  if (from >= times.acquire_end && from != times.slot_free) return std::nullopt;
  return times.acquire_end - from;
}

}  // namespace

bool is_whole(const RecordedSubmission& submission) {
  const SubmissionTimes& times = submission.times;
  const bool possible = times.gpu && fits(times.acquire_begin) && fits(times.submit_end) &&
                        fits(times.gpu->start) && fits(times.gpu->end) && fits(times.slot_free) &&
                        fits(times.gathered_until) && fits(times.dependency_end);
  return !submission.failed && possible && times.acquire_begin <= times.acquire_end &&
         times.acquire_end <= times.submit_begin && times.submit_begin <= times.submit_end &&
         times.gpu->start <= times.gpu->end && times.submit_begin <= times.gpu->end;
}

std::vector<StepCosts> read_costs(const Recording& recording, UsualCosts& usual) {
  std::vector<StepCosts> steps;
  steps.reserve(recording.submissions.size());
  CostsOfOneKind completions;
  CostsOfOneKind launches;
  CostsOfOneKind signals;
  LastOfQueue last;
  /// Which step ended at this moment, where that may be asked.
  std::map<TimePoint, std::size_t> step_of_end;
  const bool any_waits = std::any_of(
      recording.submissions.begin(), recording.submissions.end(),
      [](const RecordedSubmission& each) { return each.times.dependency_end != TimePoint{}; });
  std::optional<TimePoint> host_free;
  for (const RecordedSubmission& submission : recording.submissions) {
    if (!is_whole(submission)) continue;
    const SubmissionTimes& times = submission.times;
    StepCosts step;
    step.queue = submission.queue;
    const std::optional<TimePoint> host_free_before = host_free;
    if (host_free) step.application = std::max<nanoseconds>(times.acquire_begin - *host_free, none);
    const TimePoint encoded_from = found_no_slot(times) ? times.acquire_end : times.acquire_begin;
    // A thread that has several leases records one after the other, and what is held back costs no
    // host any time.
    const bool held = times.held_from != TimePoint{};
    const TimePoint handed_over = held ? times.held_from : times.submit_begin;
    const TimePoint from = host_free ? std::max(encoded_from, *host_free) : encoded_from;
    step.encode = std::max<nanoseconds>(handed_over - from, none);
    step.submit = times.submit_end - times.submit_begin;
    const TimePoint left = held ? times.held_from : times.submit_end;
    host_free = host_free ? std::max(*host_free, left) : left;
    step.execute = times.gpu->end - times.gpu->start;
    const std::optional<TimePoint> earlier_end = last.end_before(submission);
    const bool queue_was_free =
        last.knows_before(submission) && (!earlier_end || *earlier_end <= sent(times));
    if (queue_was_free && times.dependency_end <= sent(times)) {
      step.launch = std::max<nanoseconds>(times.gpu->start - sent(times), none);
      launches.known(step.launch);
    } else {
      launches.unknown(steps.size());
    }
    if (times.dependency_end != TimePoint{}) {
      const auto found = step_of_end.find(times.dependency_end);
      if (found != step_of_end.end()) step.after = found->second;
      // It was there in time, and so was its queue.
      const bool held_up = times.dependency_end >= sent(times) && last.knows_before(submission) &&
                           (!earlier_end || *earlier_end <= times.dependency_end);
      if (held_up) {
        step.signal = std::max<nanoseconds>(times.gpu->start - times.dependency_end, none);
        signals.known(step.signal);
      } else {
        signals.unknown(steps.size());
      }
    }
    if (const auto late = lateness(times, host_free_before)) {
      step.completion = *late;
      completions.known(step.completion);
    } else {
      completions.unknown(steps.size());
    }
    last.add(submission);
    if (any_waits) step_of_end[times.gpu->end] = steps.size();
    steps.push_back(step);
  }
  completions.fill(steps, &StepCosts::completion, usual.completion);
  launches.fill(steps, &StepCosts::launch, usual.launch);
  signals.fill(steps, &StepCosts::signal, usual.signal);
  return steps;
}

namespace {

std::optional<nanoseconds> pause_of(const Recording& recording, std::span<const StepCosts> steps) {
  std::vector<nanoseconds> pauses;
  LastOfQueue last;
  std::vector<nanoseconds> launches;
  for (const StepCosts& step : steps) launches.push_back(step.launch);
  const nanoseconds launch = median(std::move(launches));
  for (const RecordedSubmission& submission : recording.submissions) {
    if (!is_whole(submission)) continue;
    const SubmissionTimes& times = submission.times;
    const std::optional<TimePoint> earlier_end = last.end_before(submission);
    // Launched before the earlier work had ended, and waiting for nothing else.
    if (earlier_end && sent(times) + launch <= *earlier_end &&
        times.dependency_end <= *earlier_end) {
      pauses.push_back(std::max<nanoseconds>(times.gpu->start - *earlier_end, none));
    }
    last.add(submission);
  }
  if (pauses.empty()) return std::nullopt;
  return median(std::move(pauses));
}

bool overlaps(const Recording& recording) {
  std::map<QueueIndex, nanoseconds> busy;
  std::vector<const RecordedSubmission*> by_start;
  for (const RecordedSubmission& submission : recording.submissions) {
    if (!is_whole(submission)) continue;
    by_start.push_back(&submission);
    busy[submission.queue] += submission.times.gpu->end - submission.times.gpu->start;
  }
  if (busy.size() < 2) return false;
  std::sort(by_start.begin(), by_start.end(), [](const auto* left, const auto* right) {
    return left->times.gpu->start < right->times.gpu->start;
  });
  // The submission of another queue that ends last of those that began before is enough: what it
  // doesn't overlap with, no other does for long. Of all queues it takes the two latest, so that
  // a recording of many queues costs no more than one of two.
  std::optional<std::pair<QueueIndex, TimePoint>> last;
  TimePoint last_of_others{};
  nanoseconds both = none;
  for (const RecordedSubmission* const submission : by_start) {
    const HostInterval& gpu = *submission->times.gpu;
    const bool is_last = !last || last->first == submission->queue;
    const TimePoint others = is_last ? last_of_others : last->second;
    if (others > gpu.start) both += std::min(others, gpu.end) - gpu.start;
    if (is_last) {
      last = {submission->queue, last ? std::max(last->second, gpu.end) : gpu.end};
    } else if (gpu.end > last->second) {
      last_of_others = last->second;
      last = {submission->queue, gpu.end};
    } else {
      last_of_others = std::max(last_of_others, gpu.end);
    }
  }
  std::vector<nanoseconds> times;
  for (const auto& [queue, time] : busy) times.push_back(time);
  std::sort(times.begin(), times.end());
  return both > times[times.size() - 2] / 20;
}

}  // namespace

DeviceTraits read_device(const Recording& recording, std::span<const StepCosts> steps,
                         UsualCosts& usual) {
  if (const auto pause = pause_of(recording, steps)) usual.pause = pause;
  return {.pause = usual.pause, .queues_overlap = overlaps(recording)};
}

}  // namespace cbr::observe

namespace cbr {

using std::chrono::nanoseconds;

std::vector<StepCosts> step_costs(const Recording& recording) {
  observe::UsualCosts usual;
  return observe::read_costs(recording, usual);
}

DeviceTraits device_traits(const Recording& recording) {
  observe::UsualCosts usual;
  return observe::read_device(recording, observe::read_costs(recording, usual), usual);
}

Prediction measured(const Recording& recording) {
  Prediction measured;
  measured.ring_size = recording.ring_size;
  std::optional<TimePoint> begin;
  TimePoint end{};
  /// By queue: when its work had ended, and for how long it had any.
  std::map<QueueIndex, std::pair<TimePoint, nanoseconds>> queues;
  std::vector<nanoseconds> latencies;
  for (const RecordedSubmission& submission : recording.submissions) {
    if (!observe::is_whole(submission)) continue;
    const SubmissionTimes& times = submission.times;
    if (!begin) {
      begin = observe::found_no_slot(times) ? times.acquire_end : times.acquire_begin;
      end = times.gpu->end;
    }
    end = std::max(end, times.gpu->end);
    latencies.push_back(times.gpu->end - times.acquire_end);
    auto& [last_end, busy] =
        queues.try_emplace(submission.queue, times.gpu->start, nanoseconds(0)).first->second;
    // Of work that overlaps only what is new counts.
    busy += std::max<nanoseconds>(times.gpu->end - std::max(times.gpu->start, last_end),
                                  nanoseconds(0));
    last_end = std::max(last_end, times.gpu->end);
  }
  if (!begin) return measured;
  measured.steps = latencies.size();
  measured.latency = observe::median(std::move(latencies));
  measured.span = end - *begin;
  const double seconds = std::chrono::duration<double>(measured.span).count();
  if (seconds <= 0) return measured;
  measured.steps_per_second = static_cast<double>(measured.steps) / seconds;
  for (const auto& [queue, times] : queues) {
    measured.busy_fraction += std::chrono::duration<double>(times.second).count() / seconds /
                              static_cast<double>(queues.size());
  }
  return measured;
}

}  // namespace cbr
