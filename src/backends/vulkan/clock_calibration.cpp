#include "backends/vulkan/clock_calibration.h"

#include <cmath>

namespace cbr::vulkan {
namespace {

using Reading = ClockCalibration::Reading;

/// 73 years, with room for differences: some devices count from 1970.
constexpr std::int64_t longest = std::int64_t{1} << 61;

bool fits(std::int64_t ns) {
  return ns > -longest && ns < longest;
}

std::int64_t offset_of(const Reading& reading) {
  return reading.host - reading.gpu;
}

/// How far the offsets of two readings are apart, a nanosecond, in nanoseconds.
double drift_between(const Reading& first, const Reading& last) {
  return static_cast<double>(offset_of(last) - offset_of(first)) /
         static_cast<double>(last.gpu - first.gpu);
}

/// Whether one can follow the other on clocks that run.
bool can_follow(const Reading& first, const Reading& last) {
  const std::int64_t time = last.gpu - first.gpu;
  if (time < 0) return false;
  return std::abs(offset_of(last) - offset_of(first)) <=
         time / ClockCalibration::most_drift + first.deviation + last.deviation;
}

}  // namespace

void ClockCalibration::add(const Reading& reading) noexcept {
  if (!fits(reading.gpu) || !fits(reading.host) || !fits(reading.deviation) ||
      reading.deviation < 0) {
    return;
  }
  if (newest_ && !can_follow(*newest_, reading)) base_ = next_base_ = newest_ = std::nullopt;
  newest_ = reading;
  if (!base_) base_ = reading;
  if (!next_base_ && reading.gpu - base_->gpu >= longest_base) next_base_ = reading;
  if (next_base_ && reading.gpu - next_base_->gpu >= longest_base) {
    base_ = next_base_;
    next_base_ = reading;
  }
}

std::optional<ClockOffset> ClockCalibration::at(std::int64_t gpu) const noexcept {
  if (!newest_ || !fits(gpu)) return std::nullopt;
  const auto away = static_cast<double>(gpu - newest_->gpu);
  const std::int64_t time = newest_->gpu - base_->gpu;
  const bool has_rate = time >= shortest_base;
  const double moved = has_rate ? away * drift_between(*base_, *newest_) : 0.0;
  // How wrong the rate can be.
  const double doubt = has_rate ? static_cast<double>(base_->deviation + newest_->deviation) /
                                      static_cast<double>(time)
                                : 1.0 / usual_drift;
  const double deviation = static_cast<double>(newest_->deviation) + std::abs(away) * doubt;
  constexpr auto most = static_cast<double>(longest);
  if (!(deviation < most) || !(std::abs(moved) < most)) {
    return std::nullopt;
  }
  return ClockOffset{std::chrono::nanoseconds(offset_of(*newest_) + std::llround(moved)),
                     std::chrono::nanoseconds(std::llround(std::ceil(deviation)))};
}

}  // namespace cbr::vulkan
