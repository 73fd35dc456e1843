// Finds out that a device is lost where waiting for it does not tell.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include <cbr/types.h>

#include "backends/vulkan/failure_streak.h"
#include "backends/vulkan/vulkan_device.h"

namespace cbr::vulkan {

/// Asks the driver whether the device is still there once a queue has made no progress for a while.
///
/// NVIDIA's driver (580.159, H200) does not tell of a loss where a timeline semaphore is waited for
/// or read: after a kernel wrote to unmapped memory, vkWaitSemaphores went on timing out and
/// vkGetSemaphoreCounterValue went on succeeding. For a fence that was submitted behind the broken
/// work, vkWaitForFences says VK_ERROR_DEVICE_LOST at once, and from then on the other calls do
/// too.
///
/// Shares the device. Any thread may call look(); one at a time asks, and the others don't wait.
class LossProbe {
 public:
  LossProbe(std::shared_ptr<DeviceImpl> device, QueueIndex queue) noexcept
      : device_(std::move(device)), queue_(queue) {}

  /// How long a queue may stand still before the driver is asked, and how often it is.
  static constexpr std::chrono::milliseconds interval{100};

  /// To be called with the value of the queue's timeline semaphore by whoever finds that it hasn't
  /// come far enough. Takes the queue's lock, for a submission of nothing but the fence. Throws
  /// DeviceLost. Any other failure is no concern of the caller's: it is reported, and the driver
  /// asked again after another interval.
  void look(std::uint64_t value, const Report& report);

 private:
  std::shared_ptr<DeviceImpl> device_;
  QueueIndex queue_;
  std::atomic<std::uint64_t> last_value_ = 0;
  /// When the driver is asked next, unless there is progress; `unset` after progress, so that a
  /// queue that runs costs no reading of the clock.
  std::atomic<TimePoint> next_look_ = unset;
  FailureStreak failures_;

  static constexpr TimePoint unset{};
};

}  // namespace cbr::vulkan
