// A fence behind the work of a queue, by which a driver is asked whether the device is lost.
#pragma once

#include <atomic>
#include <cstdint>

#include <vulkan/vulkan_core.h>

#include <cbr/types.h>

namespace cbr::vulkan {

class DeviceImpl;

/// What LossProbe asks by; one a queue of a device, for all rings on it.
///
/// It belongs to the device rather than to a ring because it may stay in the queue for longer than
/// a ring lives: behind work of others, which the end of a ring is not to wait for.
class LossFence {
 public:
  /// Makes no native object yet. `device` owns this.
  LossFence(const DeviceImpl& device, QueueIndex queue) : device_(device), queue_(queue) {}
  LossFence(const LossFence&) = delete;
  LossFence& operator=(const LossFence&) = delete;
  /// Blocks until the fence is out of the queue. Not for a forked child.
  ~LossFence();

  /// Goes one step on: submits the fence, or asks for it. One thread at a time does; others return
  /// at once. May be called by any thread. Throws DeviceLost; any other exception leaves everything
  /// as it was, and the next call tries again.
  void ask();

  /// For a child that was forked off: nothing native is touched any more.
  void leave() noexcept { fence_ = VK_NULL_HANDLE; }

 private:
  enum class State : std::uint8_t {
    /// Not signalled, nowhere in use.
    idle,
    /// In the queue.
    pending,
    /// Signalled, to be reset.
    signalled,
  };

  void create();
  void step();
  [[nodiscard]] bool wait_until_unused() const noexcept;

  const DeviceImpl& device_;
  const QueueIndex queue_;
  std::atomic_flag asking_;
  // For the thread that holds `asking_`.
  VkFence fence_ = VK_NULL_HANDLE;
  State state_ = State::idle;
};

}  // namespace cbr::vulkan
