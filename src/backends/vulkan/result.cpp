#include "backends/vulkan/result.h"

#include <fmt/format.h>

#include <cbr/errors.h>

namespace cbr::vulkan {

std::string result_name(VkResult result) {
  switch (result) {
#define CBR_CASE(name) \
  case name:           \
    return #name;
    CBR_CASE(VK_SUCCESS)
    CBR_CASE(VK_NOT_READY)
    CBR_CASE(VK_TIMEOUT)
    CBR_CASE(VK_INCOMPLETE)
    CBR_CASE(VK_ERROR_OUT_OF_HOST_MEMORY)
    CBR_CASE(VK_ERROR_OUT_OF_DEVICE_MEMORY)
    CBR_CASE(VK_ERROR_INITIALIZATION_FAILED)
    CBR_CASE(VK_ERROR_DEVICE_LOST)
    CBR_CASE(VK_ERROR_MEMORY_MAP_FAILED)
    CBR_CASE(VK_ERROR_LAYER_NOT_PRESENT)
    CBR_CASE(VK_ERROR_EXTENSION_NOT_PRESENT)
    CBR_CASE(VK_ERROR_FEATURE_NOT_PRESENT)
    CBR_CASE(VK_ERROR_INCOMPATIBLE_DRIVER)
    CBR_CASE(VK_ERROR_TOO_MANY_OBJECTS)
    CBR_CASE(VK_ERROR_FRAGMENTED_POOL)
    CBR_CASE(VK_ERROR_INVALID_EXTERNAL_HANDLE)
    CBR_CASE(VK_ERROR_UNKNOWN)
#undef CBR_CASE
    default:
      return fmt::format("VkResult {}", static_cast<int>(result));
  }
}

void check(VkResult result, const char* call) {
  if (result == VK_SUCCESS) return;
  if (result == VK_ERROR_DEVICE_LOST) {
    throw DeviceLost(fmt::format("{} reports that the device is lost", call));
  }
  throw BackendError(fmt::format("{} failed with {}", call, result_name(result)));
}

}  // namespace cbr::vulkan
