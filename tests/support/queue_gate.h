// Holds up a Vulkan queue until the host says so.
#pragma once

#include <cstdint>
#include <memory>

#include <cbr/vulkan.h>

#include "backends/vulkan/timeline_semaphore.h"

namespace cbr::test {

/// An empty submission that waits for a semaphore of the host. A semaphore wait holds up everything
/// later in submission order (Vulkan specification, vkQueueSubmit), so what is submitted while the
/// gate is closed stays in flight.
class QueueGate {
 public:
  explicit QueueGate(std::shared_ptr<vulkan::Device> device, QueueIndex queue = {});
  QueueGate(const QueueGate&) = delete;
  QueueGate& operator=(const QueueGate&) = delete;
  /// Opens the gate and waits for the queue.
  ~QueueGate();

  void close();
  void open();

 private:
  std::shared_ptr<vulkan::Device> device_;
  QueueIndex queue_;
  vulkan::TimelineSemaphore semaphore_;
  std::uint64_t value_ = 0;
  bool closed_ = false;
};

}  // namespace cbr::test
