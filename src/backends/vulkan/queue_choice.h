// Which queues of a device to open. Pure logic.
#pragma once

#include <cstdint>
#include <vector>

#include <cbr/vulkan.h>

namespace cbr::vulkan {

/// The most queues that one Device has. No device known offers more that compute.
inline constexpr std::uint32_t max_queue_count = 64;

/// A queue to open.
struct QueueChoice {
  std::uint32_t family = 0;
  /// Its place in its family.
  std::uint32_t index = 0;
  float priority = 1.0F;
  friend bool operator==(const QueueChoice&, const QueueChoice&) = default;
};

/// A queue for each request, in their order, no queue twice. A request without a family takes from
/// `main_family` first and then from the others that compute, once the requests with one have
/// theirs. No request at all means one without a family.
/// Throws InvalidOption if a priority is out of range or there are too many requests, BackendError
/// if the device has too few queues.
[[nodiscard]] std::vector<QueueChoice> choose_queues(const DeviceInfo& device,
                                                     std::uint32_t main_family,
                                                     const std::vector<QueueRequest>& requests);

/// Throws InvalidOption if `priority`, of queue `index`, is not from 0 to 1.
void require_priority(float priority, std::size_t index);

}  // namespace cbr::vulkan
