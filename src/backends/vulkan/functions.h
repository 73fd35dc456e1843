// Vulkan's functions, loaded at run time: the library is not linked, so that programs start where
// no Vulkan is installed.
#pragma once

#include <vulkan/vulkan_core.h>

#include <cbr/vulkan.h>

namespace cbr::vulkan {

// clang-format off
#define CBR_VULKAN_GLOBAL_FUNCTIONS(X) \
  X(vkCreateInstance) X(vkEnumerateInstanceLayerProperties) \
  X(vkEnumerateInstanceExtensionProperties) X(vkEnumerateInstanceVersion)

#define CBR_VULKAN_INSTANCE_FUNCTIONS(X) \
  X(vkDestroyInstance) X(vkEnumeratePhysicalDevices) X(vkGetPhysicalDeviceProperties) \
  X(vkGetPhysicalDeviceProperties2) X(vkGetPhysicalDeviceFeatures2) \
  X(vkGetPhysicalDeviceQueueFamilyProperties) X(vkGetPhysicalDeviceMemoryProperties) \
  X(vkGetPhysicalDeviceExternalBufferProperties) \
  X(vkEnumerateDeviceExtensionProperties) X(vkCreateDevice) X(vkGetDeviceProcAddr)

// Null where the instance or device lacks VK_EXT_debug_utils, VK_EXT_tooling_info, or
// VK_EXT_calibrated_timestamps.
#define CBR_VULKAN_OPTIONAL_INSTANCE_FUNCTIONS(X) \
  X(vkCreateDebugUtilsMessengerEXT) X(vkDestroyDebugUtilsMessengerEXT) \
  X(vkSetDebugUtilsObjectNameEXT) X(vkGetPhysicalDeviceToolPropertiesEXT) \
  X(vkGetPhysicalDeviceCalibrateableTimeDomainsEXT)

// Present only where the device has VK_EXT_device_fault, VK_EXT_external_memory_host, Vulkan 1.3,
// VK_KHR_synchronization2 or VK_EXT_calibrated_timestamps; null otherwise.
#define CBR_VULKAN_OPTIONAL_DEVICE_FUNCTIONS(X) \
  X(vkGetDeviceFaultInfoEXT) X(vkGetMemoryHostPointerPropertiesEXT) \
  X(vkQueueSubmit2) X(vkQueueSubmit2KHR) X(vkGetCalibratedTimestampsEXT)

#define CBR_VULKAN_DEVICE_FUNCTIONS(X) \
  X(vkDestroyDevice) X(vkGetDeviceQueue) X(vkDeviceWaitIdle) X(vkQueueSubmit) X(vkQueueWaitIdle) \
  X(vkCreateSemaphore) X(vkDestroySemaphore) X(vkGetSemaphoreCounterValue) X(vkWaitSemaphores) \
  X(vkSignalSemaphore) X(vkCreateFence) X(vkDestroyFence) X(vkResetFences) X(vkWaitForFences) \
  X(vkCreateCommandPool) X(vkDestroyCommandPool) X(vkResetCommandPool) \
  X(vkAllocateCommandBuffers) X(vkBeginCommandBuffer) X(vkEndCommandBuffer) \
  X(vkCreateQueryPool) X(vkDestroyQueryPool) X(vkGetQueryPoolResults) X(vkResetQueryPool) \
  X(vkCmdResetQueryPool) X(vkCmdWriteTimestamp) X(vkCmdCopyQueryPoolResults) X(vkCmdPipelineBarrier) X(vkCmdCopyBuffer) \
  X(vkCmdFillBuffer) X(vkCmdUpdateBuffer) X(vkCmdBindPipeline) X(vkCmdPushConstants) \
  X(vkCmdDispatch) \
  X(vkCreateBuffer) X(vkDestroyBuffer) X(vkGetBufferMemoryRequirements) \
  X(vkGetBufferDeviceAddress) X(vkAllocateMemory) X(vkFreeMemory) X(vkBindBufferMemory) \
  X(vkMapMemory) X(vkUnmapMemory) \
  X(vkCreateShaderModule) X(vkDestroyShaderModule) X(vkCreatePipelineLayout) \
  X(vkDestroyPipelineLayout) X(vkCreateComputePipelines) X(vkDestroyPipeline)
// clang-format on

/// The table. Members are named as the functions are. Filled by load_library, load_instance and
/// load_device; read-only afterwards.
struct Functions {
#define CBR_VULKAN_MEMBER(name) PFN_##name name = nullptr;  // NOLINT(bugprone-macro-parentheses)
  // NOLINTBEGIN(readability-identifier-naming)
  PFN_vkGetInstanceProcAddr vkGetInstanceProcAddr = nullptr;
  CBR_VULKAN_GLOBAL_FUNCTIONS(CBR_VULKAN_MEMBER)
  CBR_VULKAN_INSTANCE_FUNCTIONS(CBR_VULKAN_MEMBER)
  CBR_VULKAN_OPTIONAL_INSTANCE_FUNCTIONS(CBR_VULKAN_MEMBER)
  CBR_VULKAN_DEVICE_FUNCTIONS(CBR_VULKAN_MEMBER)
  CBR_VULKAN_OPTIONAL_DEVICE_FUNCTIONS(CBR_VULKAN_MEMBER)
  // NOLINTEND(readability-identifier-naming)
#undef CBR_VULKAN_MEMBER

  /// Loads the functions that need no instance, from `get` or, where that is null, from the
  /// system's Vulkan library, which then stays loaded. Throws BackendError.
  void load_library(PFN_vkGetInstanceProcAddr get);
  /// Throws BackendError if a function is missing.
  void load_instance(VkInstance instance);
  /// Throws BackendError if a function is missing.
  void load_device(VkDevice device);
};

/// The functions of a device, for the library's own parts; valid as long as the device.
[[nodiscard]] const Functions& functions_of(const Device& device) noexcept;

}  // namespace cbr::vulkan
