// What this process takes of the machine.
#pragma once

#include <cstdint>

namespace cbr::soak {

struct ProcessUsage {
  /// Resident memory in bytes.
  std::uint64_t memory = 0;
  /// Open file descriptors.
  std::uint64_t files = 0;
  std::uint64_t threads = 0;
};

/// Reads /proc/self. Throws InputError if it can't be read.
[[nodiscard]] ProcessUsage process_usage();

}  // namespace cbr::soak
