// One submission as the driver gets it.
#pragma once

#include <cstdint>
#include <vector>

#include <vulkan/vulkan_core.h>

namespace cbr::vulkan {

/// What a submission waits for, runs and signals, in the form of vulkan's synchronization2, or in
/// the one before. Keeps its memory from one submission to the next. One thread at a time uses it.
class NativeSubmission {
 public:
  /// Waits for nothing, runs and signals nothing.
  void clear() noexcept;
  /// The work of `stages` waits for the semaphore; `value` is a timeline semaphore's. This and the
  /// next two throw std::bad_alloc.
  void wait(VkSemaphore semaphore, std::uint64_t value, VkPipelineStageFlags2 stages);
  /// Runs the command buffer, after those that were named before.
  void run(VkCommandBuffer command_buffer);
  /// Signals the semaphore once the work of `stages` has ended.
  void signal(VkSemaphore semaphore, std::uint64_t value, VkPipelineStageFlags2 stages);

  /// For vkQueueSubmit2. Valid until this object changes.
  [[nodiscard]] VkSubmitInfo2 info() const noexcept;
  /// For vkQueueSubmit, which signals once all has ended, and knows the stages of Vulkan 1.0 only.
  /// Valid until this object changes. Throws std::bad_alloc.
  [[nodiscard]] const VkSubmitInfo& before_synchronization2();

 private:
  std::vector<VkSemaphoreSubmitInfo> waits_;
  std::vector<VkCommandBufferSubmitInfo> command_buffers_;
  std::vector<VkSemaphoreSubmitInfo> signals_;

  /// The same, taken apart.
  struct Before {
    std::vector<VkSemaphore> wait_semaphores;
    std::vector<std::uint64_t> wait_values;
    std::vector<VkPipelineStageFlags> wait_stages;
    std::vector<VkCommandBuffer> command_buffers;
    std::vector<VkSemaphore> signal_semaphores;
    std::vector<std::uint64_t> signal_values;
    VkTimelineSemaphoreSubmitInfo values{};
    VkSubmitInfo info{};
  };
  Before before_;
};

}  // namespace cbr::vulkan
