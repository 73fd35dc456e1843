// What each physical device can do, read without opening it.
#pragma once

#include <optional>
#include <vector>

#include <cbr/vulkan.h>

#include "backends/vulkan/functions.h"

namespace cbr::vulkan {

/// The host's clock, as Vulkan calls it: what std::chrono::steady_clock reads.
#ifdef __APPLE__
inline constexpr VkTimeDomainEXT host_time_domain = VK_TIME_DOMAIN_CLOCK_MONOTONIC_RAW_EXT;
#else
inline constexpr VkTimeDomainEXT host_time_domain = VK_TIME_DOMAIN_CLOCK_MONOTONIC_EXT;
#endif

/// Vulkan's headers have the name only beside what is provisional.
inline constexpr const char* portability_subset_extension = "VK_KHR_portability_subset";

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
  /// Whether the device has VK_EXT_calibrated_timestamps, and relates its clock to the host's.
  bool calibrated_timestamps = false;
  /// Whether the device has VK_KHR_portability_subset: its driver puts Vulkan on top of another API
  /// and lacks some of it. Who opens the device has to turn the extension on.
  bool portability_subset = false;
};

/// All physical devices of an instance, in Vulkan's order. One that can't be read is among them,
/// with info.problem. Throws BackendError if they can't be listed at all.
[[nodiscard]] std::vector<PhysicalDevice> read_physical_devices(const Functions& functions,
                                                                VkInstance instance);

/// One physical device; `index` is its place in the list. Throws BackendError.
[[nodiscard]] PhysicalDevice read_physical_device(const Functions& functions,
                                                  VkPhysicalDevice handle, std::uint32_t index);

/// The usable devices that `choice` may mean, in the order in which to try them: the one with this
/// index, or else those whose names have it in them, in any case; where it is empty, all by their
/// types, of equal types those first that are all of Vulkan. Never gives none: throws BackendError
/// naming the choice and what there is.
[[nodiscard]] std::vector<PhysicalDevice> choose_devices(const std::vector<PhysicalDevice>& devices,
                                                         const std::string& choice);

}  // namespace cbr::vulkan
