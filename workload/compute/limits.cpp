#include "compute/limits.h"

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/vulkan/functions.h"

namespace cbr::compute {

DeviceLimits read_limits(const vulkan::Device& device) {
  VkPhysicalDeviceVulkan11Properties vulkan11{};
  vulkan11.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_PROPERTIES;
  VkPhysicalDeviceExternalMemoryHostPropertiesEXT host_memory{};
  host_memory.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT;
  // May be asked for only where the device has the extension.
  if (device.info().external_memory_host) vulkan11.pNext = &host_memory;
  VkPhysicalDeviceProperties2 properties{};
  properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
  properties.pNext = &vulkan11;
  vulkan::functions_of(device).vkGetPhysicalDeviceProperties2(device.physical_device(),
                                                              &properties);
  const VkPhysicalDeviceLimits& limits = properties.properties.limits;
  return {.max_groups_x = limits.maxComputeWorkGroupCount[0],
          .max_groups_y = limits.maxComputeWorkGroupCount[1],
          .max_threads_per_group = limits.maxComputeWorkGroupInvocations,
          .max_push_constant_size = limits.maxPushConstantsSize,
          .max_allocation_size = vulkan11.maxMemoryAllocationSize,
          .host_memory_alignment = host_memory.minImportedHostPointerAlignment};
}

void require_within(std::string_view what, std::uint64_t value, std::uint64_t limit) {
  if (value <= limit) return;
  throw BackendError(fmt::format("{} is {}; the device's limit is {}", what, value, limit));
}

}  // namespace cbr::compute
