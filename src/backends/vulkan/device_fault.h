// What a driver tells of the cause of a device loss (VK_EXT_device_fault).
#pragma once

#include <span>
#include <string>

#include <vulkan/vulkan_core.h>

#include "backends/vulkan/functions.h"

namespace cbr::vulkan {

/// One line: the description, each address with its precision in hexadecimal, and each code of the
/// vendor's own. Empty if the driver tells nothing.
[[nodiscard]] std::string fault_text(const VkDeviceFaultInfoEXT& info,
                                     std::span<const VkDeviceFaultAddressInfoEXT> addresses,
                                     std::span<const VkDeviceFaultVendorInfoEXT> vendor_infos);

/// Asks the driver for the fault of a device that is lost. Empty if it can't tell: a report that
/// fails must not hide the loss. `functions.vkGetDeviceFaultInfoEXT` is null where the extension is
/// not enabled.
[[nodiscard]] std::string read_device_fault(const Functions& functions, VkDevice device) noexcept;

}  // namespace cbr::vulkan
