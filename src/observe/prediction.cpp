#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/plan.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "observe/median.h"

namespace cbr {
namespace {

using std::chrono::nanoseconds;
constexpr nanoseconds none{0};

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
  prediction.latency = observe::median(std::move(latencies));
  const double seconds = std::chrono::duration<double>(prediction.span).count();
  if (seconds > 0) {
    prediction.steps_per_second = static_cast<double>(steps.size()) / seconds;
    prediction.busy_fraction = std::chrono::duration<double>(executed).count() / seconds / queues;
  }
  return prediction;
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
