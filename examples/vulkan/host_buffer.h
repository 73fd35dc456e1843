// What the examples have in common: memory that GPU and CPU share, a barrier, and the check of
// Vulkan's results. Plain Vulkan, without the ring.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include <vulkan/vulkan.h>

inline void check(VkResult result, const char* call) {
  if (result == VK_SUCCESS) return;
  throw std::runtime_error(std::string(call) + " failed: VkResult " + std::to_string(result));
}

/// Words that copies and fills of the GPU reach by handle(), and the CPU by words(). Zero at first.
class HostBuffer {
 public:
  HostBuffer(VkPhysicalDevice physical_device, VkDevice device, std::size_t count)
      : device_(device) {
    VkBufferCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
    info.size = count * sizeof(std::uint32_t);
    info.usage = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    check(vkCreateBuffer(device, &info, nullptr, &buffer_), "vkCreateBuffer");

    VkMemoryRequirements needs{};
    vkGetBufferMemoryRequirements(device, buffer_, &needs);
    VkPhysicalDeviceMemoryProperties has{};
    vkGetPhysicalDeviceMemoryProperties(physical_device, &has);
    // Vulkan promises such a type for every buffer.
    constexpr VkMemoryPropertyFlags wanted =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    VkMemoryAllocateInfo allocation{};
    allocation.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    allocation.allocationSize = needs.size;
    while ((needs.memoryTypeBits >> allocation.memoryTypeIndex & 1U) == 0 ||
           (has.memoryTypes[allocation.memoryTypeIndex].propertyFlags & wanted) != wanted) {
      ++allocation.memoryTypeIndex;
    }
    check(vkAllocateMemory(device, &allocation, nullptr, &memory_), "vkAllocateMemory");
    check(vkBindBufferMemory(device, buffer_, memory_, 0), "vkBindBufferMemory");
    void* mapped = nullptr;
    check(vkMapMemory(device, memory_, 0, VK_WHOLE_SIZE, 0, &mapped), "vkMapMemory");
    words_ = {static_cast<std::uint32_t*>(mapped), count};
    std::ranges::fill(words_, 0U);
  }
  HostBuffer(const HostBuffer&) = delete;
  HostBuffer& operator=(const HostBuffer&) = delete;
  ~HostBuffer() {
    vkDestroyBuffer(device_, buffer_, nullptr);
    vkFreeMemory(device_, memory_, nullptr);
  }

  [[nodiscard]] VkBuffer handle() const { return buffer_; }
  [[nodiscard]] std::span<std::uint32_t> words() const { return words_; }

 private:
  VkDevice device_;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  std::span<std::uint32_t> words_;
};

/// Copies and fills before it are done, and seen by those after it and by the CPU.
inline void transfer_barrier(VkCommandBuffer commands) {
  VkMemoryBarrier memory{};
  memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  memory.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  memory.dstAccessMask =
      VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT | VK_ACCESS_HOST_READ_BIT;
  vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT,
                       VK_PIPELINE_STAGE_TRANSFER_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &memory,
                       0, nullptr, 0, nullptr);
}
