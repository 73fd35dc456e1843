// What a device allows, as far as compute work meets it.
#pragma once

#include <cstdint>
#include <string_view>

#include <cbr/vulkan.h>

namespace cbr::compute {

/// Limits of one device, all inclusive.
struct DeviceLimits {
  /// Work groups of one dispatch, along x and y.
  std::uint32_t max_groups_x = 0;
  std::uint32_t max_groups_y = 0;
  /// Threads of one work group.
  std::uint32_t max_threads_per_group = 0;
  /// Bytes.
  std::uint32_t max_push_constant_size = 0;
  /// Bytes of one buffer's memory.
  std::uint64_t max_allocation_size = 0;
  /// Bytes: memory of the host's is imported in whole multiples. 0 where the device imports none.
  std::uint64_t host_memory_alignment = 0;
};

/// Asks the driver. May be called by any thread.
[[nodiscard]] DeviceLimits read_limits(const vulkan::Device& device);

/// Throws BackendError, naming `what`, `value` and `limit`, if `value` exceeds `limit`.
void require_within(std::string_view what, std::uint64_t value, std::uint64_t limit);

}  // namespace cbr::compute
