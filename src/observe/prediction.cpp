#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/plan.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

namespace cbr {
namespace {

using std::chrono::nanoseconds;
constexpr nanoseconds none{0};

nanoseconds median(std::vector<nanoseconds> values) {
  if (values.empty()) return none;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The costs of one kind, of which some steps tell nothing: those are as the others in the median.
class Usual {
 public:
  void known(nanoseconds cost) { known_.push_back(cost); }
  void unknown(std::size_t index) { unknown_.push_back(index); }
  void fill(std::vector<StepCosts>& steps, nanoseconds StepCosts::*cost) const {
    const nanoseconds usual = median(known_);
    for (const std::size_t index : unknown_) steps[index].*cost = usual;
  }

 private:
  std::vector<nanoseconds> known_;
  std::vector<std::size_t> unknown_;
};

/// Whether sums and differences of such times can't overflow: 36 years, far more than a clock
/// reads.
bool fits(TimePoint time) {
  constexpr std::int64_t longest = std::int64_t{1} << 60;
  const std::int64_t at = time.time_since_epoch().count();
  return at > -longest && at < longest;
}

/// Whether the story of a submission is whole, and runs forwards.
bool is_whole(const RecordedSubmission& submission) {
  const SubmissionTimes& times = submission.times;
  const bool possible = times.gpu && fits(times.acquire_begin) && fits(times.submit_end) &&
                        fits(times.gpu->start) && fits(times.gpu->end) && fits(times.slot_free) &&
                        fits(times.dependency_end);
  return !submission.failed && possible && times.acquire_begin <= times.acquire_end &&
         times.acquire_end <= times.submit_begin && times.submit_begin <= times.submit_end &&
         times.gpu->start <= times.gpu->end && times.submit_begin <= times.gpu->end;
}

void require_duration(std::string_view what, nanoseconds value) {
  constexpr std::chrono::hours longest(1);
  if (value >= none && value <= longest) return;
  throw InvalidOption(fmt::format("{} is {} ns, allowed are 0 to {} ns (an hour)", what,
                                  value.count(), nanoseconds(longest).count()));
}

std::uint32_t require_steps(std::span<const StepCosts> steps) {
  if (steps.empty()) throw InvalidOption("a plan has no steps, it needs 1 or more");
  std::uint32_t queues = 1;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const StepCosts& step = steps[i];
    const auto require = [i](std::string_view name, nanoseconds value) {
      require_duration(fmt::format("a plan's step {}: {}", i, name), value);
    };
    require("application", step.application);
    require("encode", step.encode);
    require("submit", step.submit);
    require("launch", step.launch);
    require("execute", step.execute);
    require("completion", step.completion);
    require("signal", step.signal);
    if (step.after && *step.after >= i) {
      throw InvalidOption(fmt::format("a plan's step {} waits for step {}, which is not before it",
                                      i, *step.after));
    }
    if (to_number(step.queue) >= max_ring_size) {
      throw InvalidOption(fmt::format("a plan's step {} is of queue {}, allowed are 0 to {}", i,
                                      to_number(step.queue), max_ring_size - 1));
    }
    queues = std::max(queues, to_number(step.queue) + 1);
  }
  return queues;
}

}  // namespace

std::vector<StepCosts> step_costs(const Recording& recording) {
  std::vector<StepCosts> steps;
  Usual completions;
  Usual launches;
  Usual signals;
  /// By queue: when its work had ended.
  std::map<QueueIndex, TimePoint> last_end;
  /// Which step ended at this moment.
  std::map<TimePoint, std::size_t> step_of_end;
  std::optional<TimePoint> host_free;
  for (const RecordedSubmission& submission : recording.submissions) {
    if (!is_whole(submission)) continue;
    const SubmissionTimes& times = submission.times;
    StepCosts step;
    step.queue = submission.queue;
    if (host_free) step.application = std::max<nanoseconds>(times.acquire_begin - *host_free, none);
    const TimePoint encoded_from = times.waited ? times.acquire_end : times.acquire_begin;
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
    const auto earlier = last_end.find(submission.queue);
    const bool queue_was_free = earlier == last_end.end() || earlier->second <= times.submit_end;
    if (queue_was_free && times.dependency_end <= times.submit_end) {
      step.launch = std::max<nanoseconds>(times.gpu->start - times.submit_end, none);
      launches.known(step.launch);
    } else {
      launches.unknown(steps.size());
    }
    if (times.dependency_end != TimePoint{}) {
      const auto found = step_of_end.find(times.dependency_end);
      if (found != step_of_end.end()) step.after = found->second;
      // It was there in time, and so was its queue.
      const bool held_up = times.dependency_end >= times.submit_end &&
                           (earlier == last_end.end() || earlier->second <= times.dependency_end);
      if (held_up) {
        step.signal = std::max<nanoseconds>(times.gpu->start - times.dependency_end, none);
        signals.known(step.signal);
      } else {
        signals.unknown(steps.size());
      }
    }
    if (times.waited && times.slot_free != TimePoint{} && times.slot_free >= times.acquire_begin) {
      // How late the thread was for the slot's earlier work, which is what this step waited for.
      step.completion = std::max<nanoseconds>(times.acquire_end - times.slot_free, none);
      completions.known(step.completion);
    } else {
      completions.unknown(steps.size());
    }
    last_end[submission.queue] = times.gpu->end;
    step_of_end[times.gpu->end] = steps.size();
    steps.push_back(step);
  }
  completions.fill(steps, &StepCosts::completion);
  launches.fill(steps, &StepCosts::launch);
  signals.fill(steps, &StepCosts::signal);
  return steps;
}

namespace {

std::optional<nanoseconds> pause_of(const Recording& recording) {
  std::vector<nanoseconds> pauses;
  std::map<QueueIndex, TimePoint> last_end;
  std::vector<nanoseconds> launches;
  for (const StepCosts& step : step_costs(recording)) launches.push_back(step.launch);
  const nanoseconds launch = median(std::move(launches));
  for (const RecordedSubmission& submission : recording.submissions) {
    if (!is_whole(submission)) continue;
    const SubmissionTimes& times = submission.times;
    const auto earlier = last_end.find(submission.queue);
    // Launched before the earlier work had ended, and waiting for nothing else.
    if (earlier != last_end.end() && times.submit_end + launch <= earlier->second &&
        times.dependency_end <= earlier->second) {
      pauses.push_back(std::max<nanoseconds>(times.gpu->start - earlier->second, none));
    }
    last_end[submission.queue] = times.gpu->end;
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

DeviceTraits device_traits(const Recording& recording) {
  return {.pause = pause_of(recording), .queues_overlap = overlaps(recording)};
}

Prediction predict(std::span<const StepCosts> steps, std::uint32_t ring_size,
                   const DeviceTraits& device) {
  const std::uint32_t queues = require_steps(steps);
  if (ring_size < queues) {
    throw InvalidOption(
        fmt::format("a plan's ring_size is {}, but its steps have {} queues and each "
                    "needs a slot",
                    ring_size, queues));
  }
  const nanoseconds pause = device.pause.value_or(none);
  require_duration("a plan's pause", pause);
  // Queues that take turns are one queue, whose work comes in the order of submission.
  const auto gpu = simulated::make_gpu(device.queues_overlap ? queues : 1);
  CommandBufferRing ring(gpu, {.ring_size = ring_size,
                               .gpu_times = GpuTimes::both,
                               .hang_warning_ms = 0,
                               .track_statistics = false,
                               .name = "plan"});
  std::vector<Ticket> tickets;
  std::vector<TimePoint> leased;
  tickets.reserve(steps.size());
  leased.reserve(steps.size());
  nanoseconds executed = none;
  for (const StepCosts& step : steps) {
    gpu->advance(step.application);
    Lease lease = ring.acquire({.queue = device.queues_overlap ? step.queue : QueueIndex{0}});
    leased.push_back(gpu->now());
    simulated::record(lease, {.encode = step.encode,
                              .submit = step.submit,
                              .signal = step.signal,
                              .launch = step.launch,
                              .pause = pause,
                              .execute = step.execute,
                              .completion = step.completion});
    SubmitOptions options;
    if (step.after) options.after = {tickets[*step.after]};
    tickets.push_back(std::move(lease).submit(options));
    executed += step.execute;
  }
  ring.drain();
  Prediction prediction;
  prediction.ring_size = ring_size;
  prediction.steps = steps.size();
  std::vector<nanoseconds> latencies;
  latencies.reserve(steps.size());
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    const TimePoint end(tickets[i].gpu_interval()->end);
    latencies.push_back(end - leased[i]);
    prediction.span = std::max<nanoseconds>(prediction.span, end.time_since_epoch());
  }
  prediction.latency = median(std::move(latencies));
  const double seconds = std::chrono::duration<double>(prediction.span).count();
  if (seconds > 0) {
    prediction.steps_per_second = static_cast<double>(steps.size()) / seconds;
    prediction.busy_fraction = std::chrono::duration<double>(executed).count() / seconds / queues;
  }
  return prediction;
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
    if (!is_whole(submission)) continue;
    const SubmissionTimes& times = submission.times;
    if (!begin) {
      begin = times.waited ? times.acquire_end : times.acquire_begin;
      end = times.gpu->end;
    }
    end = std::max(end, times.gpu->end);
    latencies.push_back(times.gpu->end - times.acquire_end);
    auto& [last_end, busy] =
        queues.try_emplace(submission.queue, times.gpu->start, none).first->second;
    // Of work that overlaps only what is new counts.
    busy += std::max<nanoseconds>(times.gpu->end - std::max(times.gpu->start, last_end), none);
    last_end = std::max(last_end, times.gpu->end);
  }
  if (!begin) return measured;
  measured.steps = latencies.size();
  measured.latency = median(std::move(latencies));
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

std::vector<StepCosts> merge_steps(std::span<const StepCosts> steps, std::size_t count) {
  if (count == 0) {
    throw InvalidOption("a plan merges 0 steps into a submission, it needs 1 or more");
  }
  // What a step waits for is looked up, and times are added up.
  if (!steps.empty()) (void)require_steps(steps);
  std::vector<StepCosts> merged;
  /// By queue: which submission takes more, and how many it has.
  std::map<QueueIndex, std::pair<std::size_t, std::size_t>> open;
  std::vector<std::size_t> place(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const StepCosts& step = steps[i];
    const std::optional<std::size_t> after =
        step.after ? std::optional(place[*step.after]) : std::nullopt;
    const auto found = open.find(step.queue);
    // What has to wait for work behind the submission's own beginning can't go into it.
    const bool fits = found != open.end() && found->second.second < count &&
                      (!after || *after < found->second.first);
    if (!fits) {
      open[step.queue] = {merged.size(), 1};
      place[i] = merged.size();
      merged.push_back(step);
      merged.back().after = after;
      continue;
    }
    auto& [index, size] = found->second;
    ++size;
    place[i] = index;
    StepCosts& into = merged[index];
    into.application += step.application;
    into.encode += step.encode;
    into.execute += step.execute;
    into.submit = std::max(into.submit, step.submit);
    into.signal = std::max(into.signal, step.signal);
    if (after) into.after = into.after ? std::max(*into.after, *after) : *after;
  }
  return merged;
}

}  // namespace cbr
