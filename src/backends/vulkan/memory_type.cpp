#include "backends/vulkan/memory_type.h"

namespace cbr::vulkan {

std::optional<std::uint32_t> find_memory_type(const Functions& functions, VkPhysicalDevice device,
                                              std::uint32_t allowed_types,
                                              VkMemoryPropertyFlags wanted) {
  VkPhysicalDeviceMemoryProperties memory{};
  functions.vkGetPhysicalDeviceMemoryProperties(device, &memory);
  for (std::uint32_t type = 0; type < memory.memoryTypeCount; ++type) {
    const bool allowed = (allowed_types >> type & 1U) != 0;
    if (allowed && (memory.memoryTypes[type].propertyFlags & wanted) == wanted) return type;
  }
  return std::nullopt;
}

}  // namespace cbr::vulkan
