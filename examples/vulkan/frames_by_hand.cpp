// Before: frames in flight by hand, with a fence and a command buffer for each.
// frames_with_ring.cpp is the same program with a ring: `diff -u frames_by_hand.cpp
// frames_with_ring.cpp`.
//
//   build/examples/frames_by_hand     (README.md beside this folder says how to build it)
#include <array>
#include <cstdint>
#include <cstdio>
#include <exception>

#include <vulkan/vulkan.h>

#include "frames.h"

namespace {

void run() {
  const Frames frames;
  const VkDevice device = frames.gpu.device;

  VkCommandPoolCreateInfo pool_info{};
  pool_info.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool_info.flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  pool_info.queueFamilyIndex = frames.gpu.queue_family;
  VkCommandPool pool = VK_NULL_HANDLE;
  check(vkCreateCommandPool(device, &pool_info, nullptr, &pool), "vkCreateCommandPool");
  VkCommandBufferAllocateInfo allocation{};
  allocation.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  allocation.commandPool = pool;
  allocation.commandBufferCount = frames_in_flight;
  std::array<VkCommandBuffer, frames_in_flight> buffers{};
  check(vkAllocateCommandBuffers(device, &allocation, buffers.data()), "vkAllocateCommandBuffers");
  std::array<VkFence, frames_in_flight> fences{};
  VkFenceCreateInfo fence_info{};
  fence_info.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  fence_info.flags = VK_FENCE_CREATE_SIGNALED_BIT;
  for (VkFence& fence : fences) {
    check(vkCreateFence(device, &fence_info, nullptr, &fence), "vkCreateFence");
  }

  std::uint32_t place = 0;
  for (std::uint32_t frame = 0; frame < frame_count; ++frame) {
    check(vkWaitForFences(device, 1, &fences[place], VK_TRUE, UINT64_MAX), "vkWaitForFences");
    check(vkResetFences(device, 1, &fences[place]), "vkResetFences");
    check(vkResetCommandBuffer(buffers[place], 0), "vkResetCommandBuffer");
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    check(vkBeginCommandBuffer(buffers[place], &begin), "vkBeginCommandBuffer");
    frames.prepare(place, frame);
    frames.record(buffers[place], place, frame);
    check(vkEndCommandBuffer(buffers[place]), "vkEndCommandBuffer");
    VkSubmitInfo submission{};
    submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    submission.commandBufferCount = 1;
    submission.pCommandBuffers = &buffers[place];
    check(vkQueueSubmit(frames.gpu.queue, 1, &submission, fences[place]), "vkQueueSubmit");
    place = (place + 1) % frames_in_flight;
  }
  check(vkDeviceWaitIdle(device), "vkDeviceWaitIdle");
  frames.report();

  for (const VkFence fence : fences) vkDestroyFence(device, fence, nullptr);
  vkDestroyCommandPool(device, pool, nullptr);
}

}  // namespace

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "frames_by_hand: %s\n", error.what());
    return 1;
  }
}
