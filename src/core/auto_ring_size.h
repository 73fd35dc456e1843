// The sizes between which a ring chooses. Pure logic.
#pragma once

#include <algorithm>
#include <cstdint>

#include <cbr/options.h>

namespace cbr::detail {

// `queues` is how many the backend has. All of these are multiples of it.

/// Whether a ring with these options can choose: of what the GPU does, it has to know all times.
[[nodiscard]] inline bool can_choose_size(const RingOptions& options) {
  return options.gpu_times == GpuTimes::both;
}

/// The fewest slots that the ring may come to.
[[nodiscard]] inline std::uint32_t smallest_auto_size(const AutoRingSize& limits,
                                                      std::uint32_t queues) {
  // Without a limit there is no reason to go below what it starts with.
  return (limits.max_queued ? 1 : 2) * queues;
}

/// The most.
[[nodiscard]] inline std::uint32_t largest_auto_size(const AutoRingSize& limits,
                                                     std::uint32_t queues) {
  return std::max(limits.largest / queues, 2U) * queues;
}

/// What is right for most, where nobody knows.
[[nodiscard]] inline std::uint32_t usual_auto_size(const AutoRingSize& limits,
                                                   std::uint32_t queues) {
  return std::min(3 * queues, largest_auto_size(limits, queues));
}

/// What the ring starts with.
[[nodiscard]] inline std::uint32_t first_auto_size(const RingOptions& options,
                                                   std::uint32_t queues) {
  return can_choose_size(options) ? 2 * queues : usual_auto_size(*options.auto_ring_size, queues);
}

}  // namespace cbr::detail
