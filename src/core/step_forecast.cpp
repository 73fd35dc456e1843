#include "core/step_forecast.h"

#include <algorithm>
#include <cmath>

namespace cbr::detail {
namespace {

/// How much the newest measurement counts.
constexpr double newest_step_share = 0.125;
/// Steps before anything is foreseen.
constexpr std::uint32_t least_measured = 8;
/// Work that starts so soon after other work was waiting for it: what lies between is a part of the
/// step.
constexpr std::chrono::nanoseconds longest_pause = std::chrono::microseconds(50);
/// More than two clocks drift apart, as a share of the time that passes.
constexpr double drift = 1e-4;
/// Times further off than this are no times; and sums of those that are nearer don't overflow.
constexpr std::chrono::nanoseconds longest = std::chrono::hours(24 * 365 * 50);

}  // namespace

void StepForecast::ended(TimePoint noticed, const Completion& completion) {
  const auto end = completion.interval ? std::optional(completion.interval->end) : completion.end;
  if (!end || *end < -longest || *end > longest) return;
  if (completion.interval) {
    const auto start = completion.interval->start;
    if (start < -longest) return;
    const bool back_to_back =
        last_end_ && start >= *last_end_ && start - *last_end_ < longest_pause;
    measure(*end - (back_to_back ? *last_end_ : start));
  } else if (last_end_ && *end > *last_end_) {
    // Without starts, a pause counts as work; it shows as deviation.
    measure(*end - *last_end_);
  }
  const auto difference = noticed.time_since_epoch() - *end;
  if (!offset_ || difference < *offset_) {
    offset_ = difference;
  } else {
    const Nanoseconds passed = noticed - last_noticed_;
    const auto grown = *offset_ + std::chrono::nanoseconds(std::llround(drift * passed.count()));
    offset_ = std::min<std::chrono::nanoseconds>(grown, difference);
  }
  last_end_ = end;
  last_noticed_ = noticed;
}

void StepForecast::measure(Nanoseconds step) {
  if (measured_ == 0) step_ = step;
  const Nanoseconds off(std::abs((step - step_).count()));
  step_ += newest_step_share * (step - step_);
  deviation_ += newest_step_share * (off - deviation_);
  if (measured_ < least_measured) ++measured_;
}

std::optional<StepForecast::Estimate> StepForecast::expect(std::uint64_t steps,
                                                           TimePoint submitted) const {
  if (measured_ < least_measured || !last_end_ || !offset_) return std::nullopt;
  const TimePoint last_end(*last_end_ + *offset_);
  const TimePoint start = std::max(last_end, submitted);
  const auto whole = [](Nanoseconds time) {
    return std::chrono::nanoseconds(std::llround(std::min(time, Nanoseconds(longest)).count()));
  };
  return Estimate{.end = start + whole(static_cast<double>(steps) * step_),
                  .deviation = whole(deviation_),
                  .step = whole(step_)};
}

}  // namespace cbr::detail
