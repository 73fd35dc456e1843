// What each physical device can do, read without opening it.
#pragma once

#include <optional>
#include <vector>

#include <cbr/vulkan.h>

#include "backends/vulkan/functions.h"

namespace cbr::vulkan {

/// A physical device, what it can do, and the queue family that a ring would use.
struct PhysicalDevice {
  VkPhysicalDevice handle = VK_NULL_HANDLE;
  DeviceInfo info;
  /// The family that a ring uses first; meaningful where info.compute_queue is true.
  std::uint32_t main_family = 0;
  /// The bits of a timestamp that count, for each family of the device. 0: none, or what the driver
  /// tells of them can't be true.
  std::vector<std::uint32_t> timestamp_bits;
  /// Nanoseconds in a timestamp's unit.
  double timestamp_period = 0;
  VkDriverId driver_id{};
  /// Whether the device can reset queries from the host.
  bool host_query_reset = false;
  /// Whether the device has VK_KHR_synchronization2 and its feature.
  bool synchronization2 = false;
};

/// All physical devices of an instance, in Vulkan's order. Throws BackendError.
[[nodiscard]] std::vector<PhysicalDevice> read_physical_devices(const Functions& functions,
                                                                VkInstance instance);

/// One physical device; `index` is its place in the list. Throws BackendError.
[[nodiscard]] PhysicalDevice read_physical_device(const Functions& functions,
                                                  VkPhysicalDevice handle, std::uint32_t index);

/// Picks a device: by index, by a part of its name in any case, or, where `choice` is empty, the
/// first usable one of the best type. Throws BackendError naming the choice and what there is.
[[nodiscard]] const PhysicalDevice& choose_device(const std::vector<PhysicalDevice>& devices,
                                                  const std::string& choice);

}  // namespace cbr::vulkan
