// Holds up a Vulkan queue until the host says so.
#pragma once

#include <memory>
#include <vector>

#include <vulkan/vulkan_core.h>

#include <cbr/vulkan.h>

namespace cbr::test {

/// A submission that waits for an event of the host. What is submitted while the gate is closed
/// stays in flight.
///
/// Not a semaphore: the validation layer 1.3.239 can hold up a thread that waits for a timeline
/// semaphore for ten seconds while another one signals a second semaphore from the host. Costs a
/// CPU core while it is closed on Mesa's software driver, which spins.
class EventGate {
 public:
  explicit EventGate(std::shared_ptr<vulkan::Device> device, QueueIndex queue = {});
  EventGate(const EventGate&) = delete;
  EventGate& operator=(const EventGate&) = delete;
  /// Opens the gate and waits for the queue.
  ~EventGate();

  void close();
  /// Does nothing to an open gate.
  void open();

 private:
  template <typename Function>
  [[nodiscard]] Function load(const char* name) const {
    return reinterpret_cast<Function>(device_->function(name));
  }

  std::shared_ptr<vulkan::Device> device_;
  QueueIndex queue_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  /// One for each time that the gate was closed; the newest is last.
  std::vector<VkEvent> events_;
  bool closed_ = false;
};

}  // namespace cbr::test
