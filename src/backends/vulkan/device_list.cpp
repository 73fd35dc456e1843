#include "backends/vulkan/device_list.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cbr/errors.h>

#include "backends/vulkan/enumerate.h"
#include "backends/vulkan/gpu_clock.h"
#include "backends/vulkan/instance.h"

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
  return enumerate<VkQueueFamilyProperties>(
      "vkGetPhysicalDeviceQueueFamilyProperties",
      [&](std::uint32_t* count, VkQueueFamilyProperties* families) {
        functions.vkGetPhysicalDeviceQueueFamilyProperties(handle, count, families);
        return VK_SUCCESS;
      });
}

/// The names of the extensions that a device has.
class Extensions {
 public:
  Extensions(const Functions& functions, VkPhysicalDevice handle)
      : extensions_(enumerate<VkExtensionProperties>(
            "vkEnumerateDeviceExtensionProperties",
            [&](std::uint32_t* count, VkExtensionProperties* extensions) {
              return functions.vkEnumerateDeviceExtensionProperties(handle, nullptr, count,
                                                                    extensions);
            })) {}

  [[nodiscard]] bool has(std::string_view name) const {
    return std::any_of(extensions_.begin(), extensions_.end(), [&](const auto& extension) {
      return std::string_view(extension.extensionName) == name;
    });
  }

 private:
  std::vector<VkExtensionProperties> extensions_;
};

/// Whether the driver can tell what the device's clock is by host_time_domain.
bool relates_its_clock(const Functions& functions, VkPhysicalDevice handle) {
  const auto list = functions.vkGetPhysicalDeviceCalibrateableTimeDomainsEXT;
  if (list == nullptr) return false;
  std::array<VkTimeDomainEXT, 16> domains{};
  auto count = static_cast<std::uint32_t>(domains.size());
  const VkResult result = list(handle, &count, domains.data());
  if (result != VK_SUCCESS && result != VK_INCOMPLETE) return false;
  const auto end = domains.cbegin() + std::min<std::size_t>(count, domains.size());
  return std::find(domains.cbegin(), end, VK_TIME_DOMAIN_DEVICE_EXT) != end &&
         std::find(domains.cbegin(), end, host_time_domain) != end;
}

/// Fills in what the driver tells. Throws BackendError, with what was read by then in `device`.
void read(const Functions& functions, PhysicalDevice& device) {
  const VkPhysicalDevice handle = device.handle;
  VkPhysicalDeviceProperties base{};
  functions.vkGetPhysicalDeviceProperties(handle, &base);
  // A driver may have left out the byte that ends it.
  device.info.name.assign(base.deviceName, strnlen(base.deviceName, sizeof base.deviceName));
  device.info.api_version = version_text(base.apiVersion);
  device.info.type = type_text(base.deviceType);
  device.info.driver = fmt::format("driver {:#x}", base.driverVersion);
  const Extensions extensions(functions, handle);
  device.portability_subset = extensions.has(portability_subset_extension);
  device.calibrated_timestamps = extensions.has(VK_EXT_CALIBRATED_TIMESTAMPS_EXTENSION_NAME) &&
                                 relates_its_clock(functions, handle);
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
    if (extensions.has(VK_EXT_DEVICE_FAULT_EXTENSION_NAME)) {
      fault.pNext = std::exchange(features12.pNext, &fault);
    }
    VkPhysicalDeviceSynchronization2Features synchronization2{};
    synchronization2.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SYNCHRONIZATION_2_FEATURES;
    if (extensions.has(VK_KHR_SYNCHRONIZATION_2_EXTENSION_NAME)) {
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
    device.info.external_memory_host = extensions.has(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
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
}

/// What a choice can mean.
std::vector<PhysicalDevice> find_devices(const std::vector<PhysicalDevice>& devices,
                                         const std::string& choice) {
  std::uint32_t index = 0;
  const char* end = choice.data() + choice.size();
  const auto parsed = std::from_chars(choice.data(), end, index);
  const bool is_index = parsed.ec == std::errc() && parsed.ptr == end && index < devices.size();
  if (is_index) return {devices[index]};
  // Digits that are no index are a part of many names: "4090". A name that is empty is in all.
  std::vector<PhysicalDevice> found;
  std::copy_if(devices.begin(), devices.end(), std::back_inserter(found), [&](const auto& device) {
    return lower(device.info.name).find(lower(choice)) != std::string::npos;
  });
  return found;
}

void sort_best_first(std::vector<PhysicalDevice>& devices) {
  const auto rank = [](const PhysicalDevice& device) {
    return std::pair(type_rank(device.info.type), device.portability_subset);
  };
  std::stable_sort(devices.begin(), devices.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

/// "0 (llvmpipe), 1 (NVIDIA H200)", of each what `text` says.
template <typename Text>
std::string list_of(const std::vector<PhysicalDevice>& devices, const char* separator,
                    const Text& text) {
  std::vector<std::string> parts;
  parts.reserve(devices.size());
  std::transform(devices.begin(), devices.end(), std::back_inserter(parts),
                 [&](const PhysicalDevice& device) { return text(device.info); });
  return fmt::format("{}", fmt::join(parts, separator));
}

}  // namespace

std::string DeviceInfo::why_unusable() const {
  if (!problem.empty()) return problem;
  if (!timeline_semaphores) return "no timeline semaphores: a ring needs Vulkan 1.2 with them";
  if (!compute_queue) return "no queue that computes";
  return {};
}

PhysicalDevice read_physical_device(const Functions& functions, VkPhysicalDevice handle,
                                    std::uint32_t index) {
  PhysicalDevice device;
  device.handle = handle;
  device.info.index = index;
  read(functions, device);
  return device;
}

std::vector<PhysicalDevice> read_physical_devices(const Functions& functions, VkInstance instance) {
  const auto handles = enumerate<VkPhysicalDevice>(
      "vkEnumeratePhysicalDevices", [&](std::uint32_t* count, VkPhysicalDevice* found) {
        return functions.vkEnumeratePhysicalDevices(instance, count, found);
      });
  std::vector<PhysicalDevice> devices(handles.size());
  for (std::uint32_t i = 0; i < handles.size(); ++i) {
    devices[i].handle = handles[i];
    devices[i].info.index = i;
    // One broken driver is not to hide the others.
    try {
      read(functions, devices[i]);
    } catch (const Error& error) {
      devices[i].info.problem = fmt::format("its driver can't describe it: {}", error.what());
    }
  }
  return devices;
}

std::vector<PhysicalDevice> choose_devices(const std::vector<PhysicalDevice>& devices,
                                           const std::string& choice) {
  if (devices.empty()) throw BackendError("the Vulkan library finds no device");
  const std::vector<PhysicalDevice> meant = find_devices(devices, choice);
  if (meant.empty()) {
    throw BackendError(fmt::format("no Vulkan device '{}'; by index there are: {}", choice,
                                   list_of(devices, ", ", [](const DeviceInfo& info) {
                                     return fmt::format("{} ({})", info.index, info.name);
                                   })));
  }
  std::vector<PhysicalDevice> usable;
  std::copy_if(meant.begin(), meant.end(), std::back_inserter(usable),
               [](const auto& device) { return device.info.why_unusable().empty(); });
  if (usable.empty()) {
    throw BackendError(list_of(meant, "; ", [](const DeviceInfo& info) {
      return fmt::format("device {} ({}) can't be used: {}", info.index, info.name,
                         info.why_unusable());
    }));
  }
  if (choice.empty()) sort_best_first(usable);
  return usable;
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
