// A timeline semaphore.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "backends/vulkan/vulkan_device.h"

namespace cbr::vulkan {

/// A timeline semaphore that starts at 0. Shares the device; no work that uses the semaphore may be
/// pending when it is destroyed. All functions may be called by any thread; none blocks.
class TimelineSemaphore {
 public:
  /// Throws BackendError.
  explicit TimelineSemaphore(std::shared_ptr<const DeviceImpl> device);
  TimelineSemaphore(const TimelineSemaphore&) = delete;
  TimelineSemaphore& operator=(const TimelineSemaphore&) = delete;
  ~TimelineSemaphore();

  [[nodiscard]] const VkSemaphore& handle() const noexcept { return handle_; }
  /// A submission is about to wait for it.
  void note_wait() const noexcept { waited_for_.store(true, std::memory_order_relaxed); }
  /// Signals from the host, to a value above those before. Throws DeviceLost, BackendError.
  void signal(std::uint64_t value) const;

 private:
  std::shared_ptr<const DeviceImpl> device_;
  VkSemaphore handle_ = VK_NULL_HANDLE;
  mutable std::atomic<bool> waited_for_ = false;
};

}  // namespace cbr::vulkan
