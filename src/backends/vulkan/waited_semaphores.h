// Semaphores that work has waited for, on their way out.
#pragma once

#include <array>
#include <cstddef>
#include <mutex>
#include <utility>

#include <vulkan/vulkan_core.h>

#include "backends/vulkan/functions.h"

namespace cbr::vulkan {

/// Keeps the last of them for a while. Mesa's llvmpipe (22.3) looks once more at what a submission
/// waited for after it has signalled the submission's end, and crashes if that is gone by then,
/// though Vulkan allows it to be. All functions may be called by any thread.
class WaitedSemaphores {
 public:
  /// Takes over `semaphore`, and destroys the one that was kept for longest.
  void keep(const Functions& functions, VkDevice device, VkSemaphore semaphore) noexcept {
    VkSemaphore oldest = semaphore;
    {
      const std::lock_guard lock(mutex_);
      std::swap(oldest, kept_[next_]);
      next_ = (next_ + 1) % kept_.size();
    }
    functions.vkDestroySemaphore(device, oldest, nullptr);
  }
  /// Destroys all.
  void clear(const Functions& functions, VkDevice device) noexcept {
    const std::lock_guard lock(mutex_);
    for (VkSemaphore& semaphore : kept_) {
      if (semaphore == VK_NULL_HANDLE) continue;
      functions.vkDestroySemaphore(device, std::exchange(semaphore, VkSemaphore(VK_NULL_HANDLE)),
                                   nullptr);
    }
  }

 private:
  std::mutex mutex_;
  std::array<VkSemaphore, 256> kept_{};
  std::size_t next_ = 0;
};

}  // namespace cbr::vulkan
