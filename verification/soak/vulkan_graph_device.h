// A Vulkan device for random graphs of work, whose submissions look at what earlier ones wrote.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>

#include <cbr/backend.h>
#include <cbr/vulkan.h>

#include "graphs/device.h"

namespace cbr::soak {

/// The latest timelines of queues. Mesa 22.3 lets go of what a submission has waited for when it
/// has signalled its own end already, and crashes if that semaphore is gone by then, as it may be:
/// so semaphores live for some time longer. Any thread may use it.
class RecentTimelines {
 public:
  void keep(std::shared_ptr<const QueueTimeline> timeline);

 private:
  static constexpr std::size_t most = 256;

  std::mutex mutex_;
  std::deque<std::shared_ptr<const QueueTimeline>> timelines_;
};

/// Works on all queues of `device`, which are of one family.
[[nodiscard]] std::unique_ptr<graphs::Device> make_vulkan_graph_device(
    std::shared_ptr<vulkan::Device> device, std::shared_ptr<RecentTimelines> timelines);

}  // namespace cbr::soak
