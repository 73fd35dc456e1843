#include "observe/step_replay.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace cbr::observe {
namespace {

using std::chrono::nanoseconds;

}  // namespace

StepReplay::StepReplay(std::span<const StepCosts> steps, const DeviceTraits& device,
                       std::uint32_t queue_count)
    : steps_(steps),
      pause_(device.pause.value_or(nanoseconds(0))),
      queues_overlap_(device.queues_overlap),
      ends_(steps.size()),
      passed_on_(steps.size()),
      queues_(queue_count) {
  for (Queue& queue : queues_) queue.steps.reserve(steps.size());
}

StepReplay::Outcome StepReplay::of(std::uint32_t ring_size) {
  for (Queue& queue : queues_) {
    queue.steps.clear();
    queue.end = nanoseconds(0);
  }
  const auto queue_count = static_cast<std::uint32_t>(queues_.size());
  Outcome outcome;
  outcome.first_end = nanoseconds::max();
  nanoseconds now{0};
  // Of whichever queue, where they take turns.
  nanoseconds device_end{0};
  bool device_used = false;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const StepCosts& step = steps_[i];
    const std::uint32_t index = to_number(step.queue);
    Queue& queue = queues_[index];
    const std::size_t slots = (ring_size + queue_count - 1 - index) / queue_count;
    now += step.application;
    // Its slot is that of the step so many before.
    const std::size_t before = queue.steps.size();
    if (before >= slots) now = std::max(now, passed_on_[queue.steps[before - slots]]);
    now += step.encode + step.submit;
    const bool follows = queues_overlap_ ? before > 0 : device_used;
    const nanoseconds free_from = queues_overlap_ ? queue.end : device_end;
    nanoseconds start = std::max(now + step.launch, free_from);
    if (follows) start = std::max(start, free_from + pause_);
    if (step.after) start = std::max(start, ends_[*step.after] + step.signal);
    outcome.queued += start - now;
    ends_[i] = queue.end = device_end = start + step.execute;
    device_used = true;
    // A slot is passed on once all earlier work of its queue, and what its work waited for, are
    // known to have ended.
    nanoseconds passed_on = queue.end + step.completion;
    if (before > 0) passed_on = std::max(passed_on, passed_on_[queue.steps.back()]);
    if (step.after) passed_on = std::max(passed_on, passed_on_[*step.after]);
    passed_on_[i] = passed_on;
    queue.steps.push_back(i);
    outcome.span = std::max(outcome.span, ends_[i]);
    outcome.first_end = std::min(outcome.first_end, ends_[i]);
  }
  if (!steps_.empty()) outcome.queued /= static_cast<std::int64_t>(steps_.size());
  return outcome;
}

}  // namespace cbr::observe
