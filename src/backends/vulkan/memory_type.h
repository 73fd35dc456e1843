// Choosing a type of memory.
#pragma once

#include <cstdint>
#include <optional>

#include "backends/vulkan/functions.h"

namespace cbr::vulkan {

/// The first memory type of the device that is among `allowed_types` (one bit a type, as in
/// VkMemoryRequirements) and has all properties in `wanted`; nothing if there is none.
[[nodiscard]] std::optional<std::uint32_t> find_memory_type(const Functions& functions,
                                                            VkPhysicalDevice device,
                                                            std::uint32_t allowed_types,
                                                            VkMemoryPropertyFlags wanted);

}  // namespace cbr::vulkan
