// Lists of Vulkan's, which are asked for twice: how many, then which.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "backends/vulkan/functions.h"
#include "backends/vulkan/result.h"

namespace cbr::vulkan {

/// All that `call(count, items)` lists. What is added or taken away between the two calls is asked
/// for again, though not for ever: a driver may go on saying that there is more. Throws as check()
/// does, with `name` for the call.
template <typename Item, typename Call>
[[nodiscard]] std::vector<Item> enumerate(const char* name, const Call& call) {
  constexpr int most_attempts = 8;
  std::vector<Item> items;
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    std::uint32_t count = 0;
    check(call(&count, nullptr), name);
    items.resize(count);
    const VkResult result = call(&count, items.data());
    items.resize(std::min<std::size_t>(count, items.size()));
    if (result == VK_INCOMPLETE) continue;
    check(result, name);
    break;
  }
  return items;
}

}  // namespace cbr::vulkan
