#include "backends/vulkan/device_list.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cbr/errors.h>

#include "backends/vulkan/gpu_clock.h"
#include "backends/vulkan/instance.h"
#include "backends/vulkan/result.h"

namespace cbr::vulkan {
namespace {

std::string version_text(std::uint32_t version) {
  return fmt::format("{}.{}.{}", VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version),
                     VK_API_VERSION_PATCH(version));
}

const char* type_text(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return "discrete GPU";
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return "integrated GPU";
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return "virtual GPU";
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
      return "CPU";
    default:
      return "other";
  }
}

int type_rank(const std::string& type) {
  const std::string_view order[] = {"discrete GPU", "integrated GPU", "virtual GPU", "CPU"};
  return static_cast<int>(std::find(std::begin(order), std::end(order), type) - std::begin(order));
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The family that computes; one with graphics too where there is a choice, as it is the device's
/// main one.
std::optional<std::uint32_t> compute_family(const std::vector<VkQueueFamilyProperties>& families) {
  std::optional<std::uint32_t> found;
  for (std::uint32_t i = 0; i < families.size(); ++i) {
    if ((families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) == 0) continue;
    if ((families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT) != 0) return i;
    if (!found) found = i;
  }
  return found;
}

std::vector<VkQueueFamilyProperties> queue_families(const Functions& functions,
                                                    VkPhysicalDevice handle) {
  std::uint32_t count = 0;
  functions.vkGetPhysicalDeviceQueueFamilyProperties(handle, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  functions.vkGetPhysicalDeviceQueueFamilyProperties(handle, &count, families.data());
  families.resize(count);
  return families;
}

bool supports_extension(const Functions& functions, VkPhysicalDevice handle,
                        std::string_view name) {
  std::uint32_t count = 0;
  check(functions.vkEnumerateDeviceExtensionProperties(handle, nullptr, &count, nullptr),
        "vkEnumerateDeviceExtensionProperties");
  std::vector<VkExtensionProperties> extensions(count);
  check(functions.vkEnumerateDeviceExtensionProperties(handle, nullptr, &count, extensions.data()),
        "vkEnumerateDeviceExtensionProperties");
  return std::any_of(extensions.begin(), extensions.end(), [&](const auto& extension) {
    return std::string_view(extension.extensionName) == name;
  });
}

}  // namespace

std::string DeviceInfo::why_unusable() const {
  if (!timeline_semaphores) return "no timeline semaphores: a ring needs Vulkan 1.2 with them";
  if (!compute_queue) return "no queue that computes";
  return {};
}

PhysicalDevice read_physical_device(const Functions& functions, VkPhysicalDevice handle,
                                    std::uint32_t index) {
  PhysicalDevice device;
  device.handle = handle;
  device.info.index = index;

  VkPhysicalDeviceProperties base{};
  functions.vkGetPhysicalDeviceProperties(handle, &base);
  device.info.name = base.deviceName;
  device.info.api_version = version_text(base.apiVersion);
  device.info.type = type_text(base.deviceType);
  device.info.driver = fmt::format("driver {:#x}", base.driverVersion);
  // The structures of 1.2 may be asked for only where the device speaks 1.2.
  if (base.apiVersion >= VK_API_VERSION_1_2) {
    VkPhysicalDeviceVulkan12Properties properties12{};
    properties12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_PROPERTIES;
    VkPhysicalDeviceProperties2 properties{};
    properties.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2;
    properties.pNext = &properties12;
    functions.vkGetPhysicalDeviceProperties2(handle, &properties);
    device.driver_id = properties12.driverID;
    device.info.driver = fmt::format("{} {}", properties12.driverName, properties12.driverInfo);

    VkPhysicalDeviceVulkan12Features features12{};
    features12.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES;
    VkPhysicalDeviceFeatures2 features{};
    features.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2;
    features.pNext = &features12;
    VkPhysicalDeviceFaultFeaturesEXT fault{};
    fault.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FAULT_FEATURES_EXT;
    if (supports_extension(functions, handle, VK_EXT_DEVICE_FAULT_EXTENSION_NAME)) {
      fault.pNext = std::exchange(features12.pNext, &fault);
    }
    VkPhysicalDeviceSynchronization2Features synchronization2{};
    synchronization2.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES;
    if (supports_extension(functions, handle, VK_KHR_SYNCHRONIZATION_2_EXTENSION_NAME)) {
      synchronization2.pNext = std::exchange(features12.pNext, &synchronization2);
    }
    functions.vkGetPhysicalDeviceFeatures2(handle, &features);
    device.info.timeline_semaphores = features12.timelineSemaphore == VK_TRUE;
    device.host_query_reset = features12.hostQueryReset == VK_TRUE;
    device.synchronization2 = synchronization2.synchronization2 == VK_TRUE;
    device.info.buffer_device_address = features12.bufferDeviceAddress == VK_TRUE;
    // NVIDIA's driver with the feature on (580.159, H200) takes faulting work for done, or never
    // tells of the loss; then it crashes in a thread of its own.
    device.info.device_fault =
        fault.deviceFault == VK_TRUE && device.driver_id != VK_DRIVER_ID_NVIDIA_PROPRIETARY;
  }

  const auto families = queue_families(functions, handle);
  if (const auto family = compute_family(families)) {
    device.main_family = *family;
    device.info.compute_queue = true;
  }
  device.timestamp_period = static_cast<double>(base.limits.timestampPeriod);
  for (std::uint32_t i = 0; i < families.size(); ++i) {
    const std::uint32_t bits = families[i].timestampValidBits;
    device.timestamp_bits.push_back(GpuClock::is_possible(bits, device.timestamp_period) ? bits
                                                                                         : 0);
    if ((families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) == 0) continue;
    device.info.compute_families.push_back({i, families[i].queueCount,
                                            (families[i].queueFlags & VK_QUEUE_GRAPHICS_BIT) != 0,
                                            device.timestamp_bits[i] > 0});
  }
  device.info.timestamps =
      device.info.compute_queue && device.timestamp_bits[device.main_family] > 0;
  return device;
}

std::vector<PhysicalDevice> read_physical_devices(const Functions& functions, VkInstance instance) {
  std::vector<VkPhysicalDevice> handles;
  VkResult result = VK_INCOMPLETE;
  while (result == VK_INCOMPLETE) {
    std::uint32_t count = 0;
    check(functions.vkEnumeratePhysicalDevices(instance, &count, nullptr),
          "vkEnumeratePhysicalDevices");
    handles.resize(count);
    result = functions.vkEnumeratePhysicalDevices(instance, &count, handles.data());
    handles.resize(count);
  }
  check(result, "vkEnumeratePhysicalDevices");

  std::vector<PhysicalDevice> devices;
  devices.reserve(handles.size());
  for (std::uint32_t i = 0; i < handles.size(); ++i) {
    devices.push_back(read_physical_device(functions, handles[i], i));
  }
  return devices;
}

const PhysicalDevice& choose_device(const std::vector<PhysicalDevice>& devices,
                                    const std::string& choice) {
  if (devices.empty()) throw BackendError("the Vulkan library finds no device");
  const PhysicalDevice* chosen = nullptr;
  if (choice.empty()) {
    for (const auto& device : devices) {
      if (!device.info.why_unusable().empty()) continue;
      if (chosen == nullptr || type_rank(device.info.type) < type_rank(chosen->info.type)) {
        chosen = &device;
      }
    }
    if (chosen == nullptr) {
      throw BackendError(fmt::format("no usable Vulkan device: {} has {}", devices[0].info.name,
                                     devices[0].info.why_unusable()));
    }
    return *chosen;
  }

  std::uint32_t index = 0;
  const char* end = choice.data() + choice.size();
  if (const auto parsed = std::from_chars(choice.data(), end, index);
      parsed.ec == std::errc() && parsed.ptr == end) {
    if (index < devices.size()) chosen = &devices[index];
  } else {
    const auto found = std::find_if(devices.begin(), devices.end(), [&](const auto& device) {
      return lower(device.info.name).find(lower(choice)) != std::string::npos;
    });
    if (found != devices.end()) chosen = &*found;
  }
  if (chosen == nullptr) {
    std::vector<std::string> names;
    names.reserve(devices.size());
    for (const auto& device : devices) {
      names.push_back(fmt::format("{} ({})", device.info.index, device.info.name));
    }
    throw BackendError(fmt::format("no Vulkan device '{}'; by index there are: {}", choice,
                                   fmt::join(names, ", ")));
  }
  if (const auto reason = chosen->info.why_unusable(); !reason.empty()) {
    throw BackendError(fmt::format("device {} can't be used: {}", chosen->info.name, reason));
  }
  return *chosen;
}

std::vector<DeviceInfo> list_devices() {
  const Instance instance({});
  std::vector<DeviceInfo> infos;
  for (auto& device : read_physical_devices(instance.functions(), instance.handle())) {
    infos.push_back(std::move(device.info));
  }
  return infos;
}

}  // namespace cbr::vulkan
