// The loop that people write by hand: raw Vulkan calls, N command buffers, one timeline semaphore,
// and nothing else. It is what the ring is measured against.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <cbr/vulkan.h>

namespace cbr::benchmarks {

class BareLoop {
 public:
  BareLoop(std::shared_ptr<vulkan::Device> device, std::uint32_t buffer_count);
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;
  ~BareLoop();

  /// Runs `steps` steps and waits for the last.
  void run(std::uint32_t steps, const std::function<void(VkCommandBuffer)>& record);

 private:
  struct Slot {
    VkCommandPool pool = VK_NULL_HANDLE;
    VkCommandBuffer command_buffer = VK_NULL_HANDLE;
    std::uint64_t value = 0;
  };
  void wait(std::uint64_t value) const;

  std::shared_ptr<vulkan::Device> device_;
  std::vector<Slot> slots_;
  VkSemaphore semaphore_ = VK_NULL_HANDLE;
  std::uint64_t value_ = 0;
};

}  // namespace cbr::benchmarks
