#include "core/waiter_line.h"

#include <algorithm>

#include "core/waiter_queue.h"

namespace cbr::detail {
namespace {

/// Fewer places are not worth closing up.
constexpr std::size_t few = 16;

}  // namespace

void WaiterLine::push(Waiter& waiter) {
  waiter.place = places_.size();
  places_.push_back({.waiter = &waiter, .arrival = waiter.arrival});
  ++waiting_;
}

void WaiterLine::remove(Waiter& waiter) {
  places_[waiter.place].waiter = nullptr;
  --waiting_;
  while (head_ < places_.size() && places_[head_].waiter == nullptr) {
    overtaken_ -= places_[head_].overtaken;
    ++head_;
  }
  // So that one that waits for long doesn't make the line longer with each that comes and goes.
  if (empty() || (places_.size() > few && waiting_ < places_.size() / 2)) close_up();
}

void WaiterLine::overtake(std::uint64_t arrival) {
  const auto first = places_.begin() + static_cast<std::ptrdiff_t>(head_);
  const auto behind = std::partition_point(
      first, places_.end(), [&](const Place& place) { return place.arrival < arrival; });
  if (behind == first) return;
  ++(behind - 1)->overtaken;
  ++overtaken_;
}

void WaiterLine::close_up() {
  std::size_t kept = 0;
  for (std::size_t i = head_; i < places_.size(); ++i) {
    const Place place = places_[i];
    if (place.waiter == nullptr) {
      // The first has not gone, so there is one before it.
      places_[kept - 1].overtaken += place.overtaken;
      continue;
    }
    place.waiter->place = kept;
    places_[kept++] = place;
  }
  places_.resize(kept);
  head_ = 0;
}

}  // namespace cbr::detail
