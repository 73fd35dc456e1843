// Stands between a device and its driver: counts calls, and lets a test put its own in their place.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include <cbr/vulkan.h>

namespace cbr::test {

template <typename Signature>
class Hook;

/// One function of Vulkan's.
template <typename Result, typename... Parameters>
class Hook<Result(Parameters...)> {
 public:
  /// Called instead of the driver's; null for the driver's. Set it while no thread calls.
  std::function<Result(Parameters...)> replacement;

  /// Calls the driver.
  Result next(Parameters... parameters) const { return next_(parameters...); }
  /// How often it was called.
  [[nodiscard]] std::uint64_t calls() const { return calls_; }

 private:
  friend class VulkanShim;
  Result call(Parameters... parameters) {
    ++calls_;
    return replacement ? replacement(parameters...) : next_(parameters...);
  }

  Result(VKAPI_PTR* next_)(Parameters...) = nullptr;
  std::atomic<std::uint64_t> calls_ = 0;
};

// clang-format off
#define CBR_SHIMMED_INSTANCE_FUNCTIONS(X) \
  X(vkEnumerateInstanceExtensionProperties) X(vkCreateInstance) X(vkDestroyInstance) \
  X(vkEnumeratePhysicalDevices) X(vkEnumerateDeviceExtensionProperties) X(vkCreateDevice) \
  X(vkGetPhysicalDeviceProperties) X(vkGetPhysicalDeviceProperties2) \
  X(vkGetPhysicalDeviceFeatures2) \
  X(vkGetPhysicalDeviceQueueFamilyProperties) X(vkGetPhysicalDeviceMemoryProperties) \
  X(vkGetPhysicalDeviceExternalBufferProperties) X(vkGetPhysicalDeviceToolPropertiesEXT) \
  X(vkGetPhysicalDeviceCalibrateableTimeDomainsEXT)
#define CBR_SHIMMED_DEVICE_FUNCTIONS(X) \
  X(vkDestroyDevice) X(vkGetDeviceQueue) X(vkQueueSubmit) \
  X(vkCreateSemaphore) X(vkDestroySemaphore) X(vkGetSemaphoreCounterValue) X(vkWaitSemaphores) \
  X(vkSignalSemaphore) X(vkCreateFence) X(vkDestroyFence) X(vkResetFences) X(vkWaitForFences) \
  X(vkCreateCommandPool) X(vkDestroyCommandPool) X(vkResetCommandPool) \
  X(vkAllocateCommandBuffers) X(vkBeginCommandBuffer) X(vkEndCommandBuffer) \
  X(vkCreateQueryPool) X(vkDestroyQueryPool) X(vkGetQueryPoolResults) X(vkResetQueryPool) \
  X(vkCmdResetQueryPool) X(vkCmdWriteTimestamp) X(vkCreateBuffer) X(vkDestroyBuffer) \
  X(vkAllocateMemory) X(vkFreeMemory) X(vkBindBufferMemory) X(vkMapMemory) \
  X(vkGetMemoryHostPointerPropertiesEXT) X(vkGetCalibratedTimestampsEXT) \
  X(vkCreateShaderModule) X(vkDestroyShaderModule) X(vkCreatePipelineLayout) \
  X(vkDestroyPipelineLayout) X(vkCreateComputePipelines) X(vkDestroyPipeline)
// clang-format on

/// The hooks of one shimmed device at a time, whose driver's functions it remembers. There is one,
/// for Vulkan's functions are plain pointers.
class VulkanShim {
 public:
#define CBR_HOOK(name) Hook<std::remove_pointer_t<PFN_##name>> name;  // NOLINT
  CBR_SHIMMED_INSTANCE_FUNCTIONS(CBR_HOOK)
  CBR_SHIMMED_DEVICE_FUNCTIONS(CBR_HOOK)
#undef CBR_HOOK

  /// The one there is.
  [[nodiscard]] static VulkanShim& get();
  /// Takes out all replacements and counts from 0 again.
  void reset();
  /// Calls of all functions.
  [[nodiscard]] std::uint64_t calls() const;

  /// The driver calls itself so.
  void pretend_driver(VkDriverId driver);
  /// Timestamps have so many bits.
  void pretend_timestamp_bits(std::uint32_t bits);
  /// So many nanoseconds a tick.
  void pretend_timestamp_period(float period);

  /// For WrapOptions, and DeviceImpl::open.
  [[nodiscard]] static PFN_vkGetInstanceProcAddr get_instance_proc_addr();
  /// A second view of `owner`, with the shim between.
  [[nodiscard]] static std::shared_ptr<vulkan::Device> wrap(const vulkan::Device& owner);

 private:
  template <auto hook>
  struct Thunk;
  template <auto hook, typename Function>
  static PFN_vkVoidFunction take(Function next);
  static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_function(VkInstance instance,
                                                                    const char* name);
  static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_function(VkDevice device,
                                                                  const char* name);
};

}  // namespace cbr::test
