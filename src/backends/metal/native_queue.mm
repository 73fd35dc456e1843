#include "backends/metal/native_queue.h"

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::metal {

void NativeQueue::reserve(std::uint32_t buffers, const std::string& ring) {
  const std::lock_guard lock(mutex_);
  if (maximum_ != 0 && reserved_ + buffers > maximum_) {
    throw InvalidOption(
        fmt::format("{}: the slots need {} command buffers of a Metal queue that allows {} "
                    "uncompleted ones; make it with a larger maximum, or use fewer slots",
                    ring, reserved_ + buffers, maximum_));
  }
  reserved_ += buffers;
}

void NativeQueue::release(std::uint32_t buffers) noexcept {
  const std::lock_guard lock(mutex_);
  reserved_ -= buffers;
}

}  // namespace cbr::metal
