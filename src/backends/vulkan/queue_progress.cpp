#include "backends/vulkan/queue_progress.h"

#include <limits>

namespace cbr::vulkan {

void QueueProgress::note_ended(std::uint64_t value) noexcept {
  std::uint64_t before = ended_.load(std::memory_order_relaxed);
  while (before < value && !ended_.compare_exchange_weak(before, value, std::memory_order_acq_rel,
                                                         std::memory_order_relaxed)) {
  }
}

std::uint64_t QueueProgress::read(const Report& report) {
  const std::uint64_t submitted = submitted_.load(std::memory_order_relaxed);
  if (const std::uint64_t ended = ended_.load(std::memory_order_acquire); ended >= submitted) {
    return ended;
  }
  std::uint64_t value = 0;
  device_->check(
      device_->functions().vkGetSemaphoreCounterValue(device_->handle(), semaphore(), &value),
      "vkGetSemaphoreCounterValue");
  // Some drivers answer so, instead of with an error, once the device is lost.
  if (value == std::numeric_limits<std::uint64_t>::max()) {
    device_->throw_lost("vkGetSemaphoreCounterValue");
  }
  note_ended(value);
  // Not in a wait alone: a program that only polls must learn of a loss too.
  if (value < submitted) loss_probe_.look(value, report);
  return value;
}

}  // namespace cbr::vulkan
