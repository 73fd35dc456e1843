// One command buffer and its fence in plain Vulkan: what a program has that submits and waits by
// itself. wrap_device.cpp does so beside a ring.
#pragma once

#include <cstdint>

#include <vulkan/vulkan.h>

#include "host_buffer.h"
#include "plain_device.h"

/// begin(), record, end(), submit(), wait(), and again from the start. For one thread.
class PlainCommands {
 public:
  explicit PlainCommands(const PlainDevice& gpu) : gpu_(gpu) {
    VkCommandPoolCreateInfo pool_info{};
    pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    pool_info.queueFamilyIndex = gpu.queue_family;
    check(vkCreateCommandPool(gpu.device, &pool_info, nullptr, &pool_), "vkCreateCommandPool");
    VkCommandBufferAllocateInfo allocation{};
    allocation.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    allocation.commandPool = pool_;
    allocation.commandBufferCount = 1;
    check(vkAllocateCommandBuffers(gpu.device, &allocation, &commands_),
          "vkAllocateCommandBuffers");
    VkFenceCreateInfo fence_info{};
    fence_info.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
    check(vkCreateFence(gpu.device, &fence_info, nullptr, &fence_), "vkCreateFence");
  }
  PlainCommands(const PlainCommands&) = delete;
  PlainCommands& operator=(const PlainCommands&) = delete;
  ~PlainCommands() {
    vkDestroyFence(gpu_.device, fence_, nullptr);
    vkDestroyCommandPool(gpu_.device, pool_, nullptr);
  }

  [[nodiscard]] VkCommandBuffer begin() {
    check(vkResetCommandPool(gpu_.device, pool_, 0), "vkResetCommandPool");
    VkCommandBufferBeginInfo info{};
    info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    info.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    check(vkBeginCommandBuffer(commands_, &info), "vkBeginCommandBuffer");
    return commands_;
  }

  void end() { check(vkEndCommandBuffer(commands_), "vkEndCommandBuffer"); }

  /// Touches the queue: one thread at a time.
  void submit() {
    VkSubmitInfo submission{};
    submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    submission.commandBufferCount = 1;
    submission.pCommandBuffers = &commands_;
    check(vkQueueSubmit(gpu_.queue, 1, &submission, fence_), "vkQueueSubmit");
  }

  void wait() {
    check(vkWaitForFences(gpu_.device, 1, &fence_, VK_TRUE, UINT64_MAX), "vkWaitForFences");
    check(vkResetFences(gpu_.device, 1, &fence_), "vkResetFences");
  }

 private:
  const PlainDevice& gpu_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkFence fence_ = VK_NULL_HANDLE;
};
