#include "core/timeline.h"

#include <algorithm>
#include <stdexcept>

namespace cbr::detail {

void Timeline::reserve(std::uint32_t capacity) {
  if (capacity <= slots_.size()) return;
  std::rotate(slots_.begin(), slots_.begin() + head_, slots_.end());
  head_ = 0;
  slots_.resize(capacity);
}

void Timeline::push(SlotIndex slot) {
  const auto capacity = static_cast<std::uint32_t>(slots_.size());
  if (count_ == capacity) throw std::logic_error("more submissions in flight than slots");
  std::uint32_t tail = head_ + count_;
  if (tail >= capacity) tail -= capacity;
  slots_[tail] = slot;
  ++count_;
  last_submitted_ = last_submitted_.next();
}

}  // namespace cbr::detail
