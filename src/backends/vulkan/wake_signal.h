// Ends native waits from the host.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>

#include "backends/vulkan/failure_streak.h"
#include "backends/vulkan/timeline_semaphore.h"
#include "backends/vulkan/vulkan_device.h"

namespace cbr::vulkan {

/// A timeline semaphore that a wait for any of several includes, so that the host can end it: its
/// value is the highest wake number so far. All functions may be called by any thread.
class WakeSignal {
 public:
  /// Throws BackendError.
  explicit WakeSignal(const std::shared_ptr<DeviceImpl>& device) : semaphore_(device) {}

  [[nodiscard]] const VkSemaphore& semaphore() const noexcept { return semaphore_.handle(); }
  /// Ends the waits for `wake_number` and less. A failure is reported and does no harm beyond
  /// that they end later: they look by themselves as well.
  void signal(std::uint64_t wake_number, const Report& report) noexcept;

 private:
  TimelineSemaphore semaphore_;
  /// Held for the call of the driver: values must rise.
  std::mutex mutex_;
  std::uint64_t signalled_ = 0;
  FailureStreak failures_;
};

}  // namespace cbr::vulkan
