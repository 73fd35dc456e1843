#include "core/ring_sizing.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "core/auto_ring_size.h"
#include "observe/step_replay.h"

namespace cbr::detail {
namespace {

using std::chrono::nanoseconds;
using namespace std::chrono_literals;

/// As many steps as say how long they take, and no more than are replayed in a moment.
constexpr std::size_t window_size = 256;
/// Where steps are long, fewer have to do after this time.
constexpr std::size_t least_steps = 16;
constexpr nanoseconds window_time = 500ms;

/// Between looks that find nothing to change. A look takes a thread that acquires some ten
/// microseconds.
constexpr nanoseconds usual_pause = 200ms;

/// The rate is the best if nothing is better by more than this.
constexpr double best_within = 0.005;
/// The ring grows for no less than this.
constexpr double least_gain = 0.01;
/// It shrinks for no more than this.
constexpr double most_loss = 0.002;
/// How much of a gain that was promised has to come, in one of so many looks.
constexpr double least_kept = 0.15;
constexpr std::uint32_t looks_of_trial = 2;
/// A ring doesn't grow into a limit that it would break the next moment.
constexpr double share_of_limit = 0.9;
/// How far a rate may be from what the replay says of it.
constexpr double explained_within = 0.1;
constexpr std::uint32_t most_unexplained = 4;
constexpr nanoseconds longest_unexplained_pause = 64s;
constexpr std::uint32_t most_patience = 1024;

/// Of so many that end within `time`, from the first end to the last.
double steps_per_second(std::size_t count, nanoseconds time) {
  const double seconds = std::chrono::duration<double>(time).count();
  return static_cast<double>(count - 1) / std::max(seconds, 1e-9);
}

/// All of them, and among many slots for each queue some.
std::vector<std::uint32_t> sizes_between(std::uint32_t smallest, std::uint32_t largest,
                                         std::uint32_t queues) {
  std::vector<std::uint32_t> sizes;
  for (std::uint32_t each = smallest / queues; each < largest / queues;
       each += std::max(each / 8, 1U)) {
    sizes.push_back(each * queues);
  }
  sizes.push_back(largest);
  return sizes;
}

/// Steps a second, as they came.
double rate_of(const Recording& window) {
  TimePoint first = TimePoint::max();
  TimePoint last = TimePoint::min();
  std::size_t count = 0;
  for (const RecordedSubmission& submission : window.submissions) {
    if (!observe::is_whole(submission)) continue;
    first = std::min(first, submission.times.gpu->end);
    last = std::max(last, submission.times.gpu->end);
    ++count;
  }
  return steps_per_second(count, last - first);
}

/// Whether sums of what all steps take can't overflow: what a driver tells is not to be trusted.
bool can_be_replayed(const std::vector<StepCosts>& steps) {
  constexpr nanoseconds longest = 1h;
  return std::all_of(steps.begin(), steps.end(), [&](const StepCosts& step) {
    return std::max({step.application, step.encode, step.submit, step.launch, step.execute,
                     step.completion, step.signal}) <= longest;
  });
}

double to_ms(nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

StepWindow::StepWindow() {
  steps_.reserve(window_size);
}

void StepWindow::add(const Submission& submission) noexcept {
  if (is_full_ || submission.times.acquire_begin < begin_) return;
  // One that failed took its time all the same, if anyone knows which.
  if (submission.completion.error != nullptr && !submission.times.gpu) return;
  RecordedSubmission& step = steps_.emplace_back();
  step.slot = submission.slot;
  step.queue = submission.queue;
  step.serial = Serial(submission.serial.load(std::memory_order_relaxed));
  step.times = submission.times;
  const nanoseconds since = step.times.noticed - steps_.front().times.noticed;
  is_full_ = steps_.size() == window_size || (steps_.size() >= least_steps && since >= window_time);
}

void StepWindow::take(std::vector<RecordedSubmission>& steps) {
  steps_.swap(steps);
  is_full_ = false;
  begin_ = TimePoint::max();
}

void StepWindow::open(std::vector<RecordedSubmission>& room, TimePoint begin) {
  steps_.swap(room);
  steps_.clear();
  begin_ = begin;
}

RingSizing::RingSizing(const AutoRingSize& options, std::uint32_t queues)
    : options_(options),
      queues_(queues),
      sizes_(sizes_between(smallest_auto_size(options, queues), largest_auto_size(options, queues),
                           queues)),
      unexplained_pause_(usual_pause) {}

RingSizing::Choice RingSizing::look(const Recording& window, std::uint32_t ring_size) {
  const std::vector<StepCosts> steps = observe::read_costs(window, usual_);
  if (2 * steps.size() < window.submissions.size() || steps.size() < 2) {
    return {.ring_size = without_knowing(ring_size),
            .reason = "it stays so, because the host's clock doesn't tell when the GPU works",
            .is_final = true};
  }
  if (!can_be_replayed(steps)) return stay(ring_size);
  const double rate = rate_of(window);
  if (since_shrunk_ && ++*since_shrunk_ > 8 * patience_) since_shrunk_.reset();
  if (std::optional<Choice> back = judge(rate, ring_size)) return *std::move(back);
  const std::vector<Forecast> forecasts =
      forecast(steps, observe::read_device(window, steps, usual_), ring_size);
  const Forecast current =
      *std::find_if(forecasts.begin(), forecasts.end(),
                    [&](const Forecast& each) { return each.ring_size == ring_size; });
  if (std::abs(current.rate - rate) > explained_within * rate) return unexplained(ring_size);
  unexplained_ = 0;
  unexplained_pause_ = usual_pause;
  if (distrust_ > 0) --distrust_;

  // Those whose steps don't wait for longer than they may; the smallest whatever they do.
  const auto end = std::find_if(forecasts.begin() + 1, forecasts.end(), [&](const Forecast& each) {
    if (!options_.max_queued) return false;
    const double share = each.ring_size > ring_size ? share_of_limit : 1.0;
    return to_ms(each.queued) > share * to_ms(*options_.max_queued);
  });
  double best = 0.0;
  for (auto each = forecasts.begin(); each != end; ++each) best = std::max(best, each->rate);
  const auto smallest_with = [&](double least) {
    return *std::find_if(forecasts.begin(), end,
                         [&](const Forecast& each) { return each.rate >= least; });
  };
  const Forecast wanted = smallest_with(best * (1 - best_within));
  if (wanted.ring_size > ring_size) {
    spare_ = 0;
    if (distrust_ > 0 || wanted.rate < current.rate * (1 + least_gain)) return stay(ring_size);
    return grow(current, wanted, rate);
  }
  if (ring_size > std::prev(end)->ring_size) return keep_to_limit(current, wanted);
  const Forecast enough = smallest_with(std::min(best, current.rate) * (1 - most_loss));
  if (enough.ring_size < ring_size) return shrink(current, enough);
  spare_ = 0;
  return stay(ring_size);
}

std::vector<RingSizing::Forecast> RingSizing::forecast(const std::vector<StepCosts>& steps,
                                                       const DeviceTraits& device,
                                                       std::uint32_t ring_size) const {
  observe::StepReplay replay(steps, device, queues_);
  std::vector<Forecast> forecasts;
  forecasts.reserve(sizes_.size() + 1);
  const auto add = [&](std::uint32_t size) {
    const observe::StepReplay::Outcome outcome = replay.of(size);
    forecasts.push_back({.ring_size = size,
                         .rate = steps_per_second(steps.size(), outcome.span - outcome.first_end),
                         .queued = outcome.queued});
  };
  bool has_current = false;
  for (const std::uint32_t size : sizes_) {
    if (!has_current && size > ring_size) add(ring_size);
    has_current = has_current || size >= ring_size;
    add(size);
  }
  if (!has_current) add(ring_size);
  return forecasts;
}

std::optional<RingSizing::Choice> RingSizing::judge(double rate, std::uint32_t ring_size) {
  if (!trial_) return std::nullopt;
  const double brought = rate / trial_->rate_before;
  if (brought - 1 >= least_kept * (trial_->promised - 1)) {
    trial_.reset();
    next_distrust_ = 4;
    return std::nullopt;
  }
  if (++trial_->failed < looks_of_trial) return Choice{.ring_size = ring_size};
  const Trial trial = *std::exchange(trial_, std::nullopt);
  distrust();
  return Choice{.ring_size = trial.from,
                .reason = fmt::format("{} slots brought {:+.1f} % in place of {:+.1f} %", ring_size,
                                      100 * (brought - 1), 100 * (trial.promised - 1))};
}

RingSizing::Choice RingSizing::unexplained(std::uint32_t ring_size) {
  if (++unexplained_ < most_unexplained) return stay(ring_size);
  unexplained_pause_ = std::min(2 * unexplained_pause_, longest_unexplained_pause);
  Choice choice{.ring_size = without_knowing(ring_size), .pause = unexplained_pause_};
  if (choice.ring_size > ring_size) note_growth();
  if (unexplained_ == most_unexplained) {
    choice.reason = "what the steps take by themselves doesn't explain their rate";
  }
  return choice;
}

RingSizing::Choice RingSizing::stay(std::uint32_t ring_size) {
  return {.ring_size = ring_size, .pause = usual_pause};
}

RingSizing::Choice RingSizing::grow(const Forecast& current, const Forecast& wanted, double rate) {
  note_growth();
  const double promised = wanted.rate / current.rate;
  trial_ = {.from = current.ring_size, .promised = promised, .rate_before = rate};
  return {
      .ring_size = wanted.ring_size,
      .reason = fmt::format("they are to bring {:+.1f} % in steps a second", 100 * (promised - 1))};
}

RingSizing::Choice RingSizing::shrink(const Forecast& current, const Forecast& wanted) {
  if (++spare_ < patience_) return stay(current.ring_size);
  spare_ = 0;
  since_shrunk_ = 0;
  return {.ring_size = wanted.ring_size,
          .reason = fmt::format("{} are no faster", current.ring_size)};
}

RingSizing::Choice RingSizing::keep_to_limit(const Forecast& current, const Forecast& wanted) {
  // Nothing to be patient about.
  spare_ = 0;
  distrust();
  return {.ring_size = wanted.ring_size,
          .reason = fmt::format("steps wait for the GPU for {:.3g} ms, max_queued is {:.3g} ms",
                                to_ms(current.queued), to_ms(*options_.max_queued))};
}

void RingSizing::note_growth() {
  if (since_shrunk_) patience_ = std::min(2 * patience_, most_patience);
  since_shrunk_.reset();
}

void RingSizing::distrust() {
  distrust_ = next_distrust_;
  next_distrust_ = std::min(2 * next_distrust_, most_patience);
}

std::uint32_t RingSizing::without_knowing(std::uint32_t ring_size) const {
  // Nobody knows how long steps would wait, either.
  if (options_.max_queued) return ring_size;
  return std::max(ring_size, usual_auto_size(options_, queues_));
}

}  // namespace cbr::detail
