#include "core/gpu_backlog.h"

#include <algorithm>
#include <cstdint>

namespace cbr::detail {
namespace {

/// Before that, one that was slow for once would count.
constexpr std::size_t least_measurements = 4;
/// With longer ones there is nothing to gain, and much to lose if what follows is quicker.
constexpr std::chrono::nanoseconds longest_step = std::chrono::microseconds(500);

std::int64_t between(Serial from, Serial to) {
  return static_cast<std::int64_t>(to.value() - from.value());
}

}  // namespace

std::uint64_t GpuBacklog::sent(Serial serial, TimePoint now) {
  const std::int64_t added = between(sent_, serial);
  if (step_) busy_until_ = std::max(busy_until_, now) + added * *step_;
  sent_ = serial;
  return static_cast<std::uint64_t>(added);
}

void GpuBacklog::ended(Serial serial, TimePoint noticed) {
  if (ended_.covers(serial)) return;
  // The GPU was at work from one look to the other: all of this was waiting for it at the first,
  // and more is now.
  const bool at_work = ended_.value() != 0 && noticed > noticed_ && sent_by_then_.covers(serial) &&
                       !serial.covers(sent_);
  if (at_work) measure((noticed - noticed_) / between(ended_, serial));
  ended_ = serial;
  noticed_ = noticed;
  sent_by_then_ = sent_;
  if (step_) busy_until_ = noticed + between(serial, sent_) * *step_;
}

void GpuBacklog::measure(std::chrono::nanoseconds step) {
  measured_[measurements_++ % measured_.size()] = step;
  const std::size_t count = std::min(measurements_, measured_.size());
  // A quarter are quicker: ends are noticed now late and now early, and what is behind the slow
  // ones may be quick.
  auto sorted = measured_;
  const auto quick = sorted.begin() + static_cast<std::ptrdiff_t>(count / 4);
  std::nth_element(sorted.begin(), quick, sorted.begin() + static_cast<std::ptrdiff_t>(count));
  if (count >= least_measurements && *quick < longest_step) {
    step_ = *quick;
  } else {
    step_.reset();
  }
}

void SubmitPace::came(TimePoint now) {
  if (came_ != TimePoint{}) {
    last_ = now - came_;
    mean_ += (last_ - mean_) / 8;
  }
  came_ = now;
}

std::optional<TimePoint> GpuBacklog::busy_until() const {
  if (!step_ || ended_.covers(sent_)) return std::nullopt;
  return busy_until_;
}

}  // namespace cbr::detail
