// Checking of Vulkan's result codes.
#pragma once

#include <string>

#include <vulkan/vulkan_core.h>

namespace cbr::vulkan {

/// "VK_ERROR_DEVICE_LOST" and the like; "VkResult -77" for a code that this build doesn't know.
[[nodiscard]] std::string result_name(VkResult result);

/// Does nothing on success. Throws DeviceLost on VK_ERROR_DEVICE_LOST, else BackendError, naming
/// `call`.
void check(VkResult result, const char* call);

}  // namespace cbr::vulkan
