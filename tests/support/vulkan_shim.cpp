#include "support/vulkan_shim.h"

#include <string_view>

#include "backends/vulkan/functions.h"
#include "support/vulkan_fixture.h"

namespace cbr::test {
namespace {

PFN_vkGetInstanceProcAddr system_functions() {
  static const auto get = [] {
    vulkan::Functions functions;
    functions.load_library(nullptr);
    return functions.vkGetInstanceProcAddr;
  }();
  return get;
}

PFN_vkGetDeviceProcAddr next_device_function = nullptr;

}  // namespace

template <typename Result, typename... Parameters, Hook<Result(Parameters...)> VulkanShim::*hook>
struct VulkanShim::Thunk<hook> {
  static VKAPI_ATTR Result VKAPI_CALL call(Parameters... parameters) {
    return (VulkanShim::get().*hook).call(parameters...);
  }
};

template <auto hook, typename Function>
PFN_vkVoidFunction VulkanShim::take(Function next) {
  (get().*hook).next_ = next;
  return reinterpret_cast<PFN_vkVoidFunction>(&Thunk<hook>::call);
}

VulkanShim& VulkanShim::get() {
  // Never destroyed: devices may be used until the process ends.
  static auto* shim = new VulkanShim;
  return *shim;
}

void VulkanShim::reset() {
#define CBR_RESET(name)         \
  (name).replacement = nullptr; \
  (name).calls_ = 0;
  CBR_SHIMMED_INSTANCE_FUNCTIONS(CBR_RESET)
  CBR_SHIMMED_DEVICE_FUNCTIONS(CBR_RESET)
#undef CBR_RESET
}

std::uint64_t VulkanShim::calls() const {
  std::uint64_t sum = 0;
#define CBR_ADD(name) sum += (name).calls();
  CBR_SHIMMED_INSTANCE_FUNCTIONS(CBR_ADD)
  CBR_SHIMMED_DEVICE_FUNCTIONS(CBR_ADD)
#undef CBR_ADD
  return sum;
}

void VulkanShim::pretend_driver(VkDriverId driver) {
  vkGetPhysicalDeviceProperties2.replacement = [=, this](VkPhysicalDevice device,
                                                         VkPhysicalDeviceProperties2* properties) {
    vkGetPhysicalDeviceProperties2.next(device, properties);
    for (auto* each = static_cast<VkBaseOutStructure*>(properties->pNext); each != nullptr;
         each = each->pNext) {
      if (each->sType != VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES) continue;
      reinterpret_cast<VkPhysicalDeviceVulkan12Properties*>(each)->driverID = driver;
    }
  };
}

void VulkanShim::pretend_timestamp_bits(std::uint32_t bits) {
  vkGetPhysicalDeviceQueueFamilyProperties.replacement =
      [=, this](VkPhysicalDevice device, std::uint32_t* count, VkQueueFamilyProperties* families) {
        vkGetPhysicalDeviceQueueFamilyProperties.next(device, count, families);
        for (std::uint32_t i = 0; families != nullptr && i < *count; ++i) {
          families[i].timestampValidBits = bits;
        }
      };
}

void VulkanShim::pretend_timestamp_period(float period) {
  vkGetPhysicalDeviceProperties.replacement = [=, this](VkPhysicalDevice device,
                                                        VkPhysicalDeviceProperties* properties) {
    vkGetPhysicalDeviceProperties.next(device, properties);
    properties->limits.timestampPeriod = period;
  };
}

PFN_vkGetInstanceProcAddr VulkanShim::get_instance_proc_addr() {
  return instance_function;
}

std::shared_ptr<vulkan::Device> VulkanShim::wrap(const vulkan::Device& owner) {
  return vulkan::Device::wrap({.instance = owner.instance(),
                               .physical_device = owner.physical_device(),
                               .device = owner.handle(),
                               .queue = owner.queue(),
                               .queue_family = owner.queue_family(),
                               .get_instance_proc_addr = get_instance_proc_addr(),
                               .buffer_device_address = owner.info().buffer_device_address,
                               .external_memory_host = owner.info().external_memory_host});
}

// The casts are how Vulkan's own loader functions hand out typed pointers.
#define CBR_TAKE(name)                                                                \
  if (wanted == #name) {                                                              \
    return take<&VulkanShim::name>(                                                   \
        reinterpret_cast<PFN_##name>(next)); /* NOLINT(bugprone-macro-parentheses) */ \
  }

PFN_vkVoidFunction VulkanShim::instance_function(VkInstance instance, const char* name) {
  const std::string_view wanted(name);
  const PFN_vkVoidFunction next = system_functions()(instance, name);
  if (next == nullptr) return nullptr;
  if (wanted == "vkGetDeviceProcAddr") {
    next_device_function = reinterpret_cast<PFN_vkGetDeviceProcAddr>(next);
    return reinterpret_cast<PFN_vkVoidFunction>(&device_function);
  }
  CBR_SHIMMED_INSTANCE_FUNCTIONS(CBR_TAKE)
  return next;
}

PFN_vkVoidFunction VulkanShim::device_function(VkDevice device, const char* name) {
  const std::string_view wanted(name);
  const PFN_vkVoidFunction next = next_device_function(device, name);
  if (next == nullptr) return nullptr;
  CBR_SHIMMED_DEVICE_FUNCTIONS(CBR_TAKE)
  return next;
}
#undef CBR_TAKE

}  // namespace cbr::test
