// How far a ring's work on one queue has come.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include <cbr/backend.h>
#include <cbr/options.h>

#include "backends/vulkan/failure_streak.h"
#include "backends/vulkan/gpu_clock.h"
#include "backends/vulkan/loss_probe.h"
#include "backends/vulkan/timeline_semaphore.h"
#include "backends/vulkan/vulkan_device.h"

namespace cbr::vulkan {

/// A timeline semaphore that others wait for. Shares the device.
class SemaphoreTimeline final : public QueueTimeline {
 public:
  /// Throws BackendError.
  explicit SemaphoreTimeline(const std::shared_ptr<DeviceImpl>& device)
      : device_(device->handle()), semaphore_(device) {}
  [[nodiscard]] const void* device() const noexcept override { return device_; }
  [[nodiscard]] const VkSemaphore& handle() const noexcept { return semaphore_.handle(); }
  /// A submission is about to wait for it.
  void note_wait() const noexcept { semaphore_.note_wait(); }

  /// The end of `serial` is signalled by the value `value`, which is that of a later one: they went
  /// to the driver together.
  void note_signal(std::uint64_t serial, std::uint64_t value) noexcept {
    signals_[serial % signals_.size()].store(value, std::memory_order_relaxed);
  }
  /// The value that signals the end of `serial`: the one that work really signals, since the
  /// validation layers are slow to understand that a wait for less ends with it.
  [[nodiscard]] std::uint64_t value_of(Serial serial) const noexcept {
    const std::uint64_t value =
        signals_[serial.value() % signals_.size()].load(std::memory_order_relaxed);
    // Otherwise it is that of an older one, or of a newer one, before which this has ended.
    const bool is_its_own = value >= serial.value() && value - serial.value() < signals_.size();
    return is_its_own ? value : serial.value();
  }

 private:
  const VkDevice device_;
  TimelineSemaphore semaphore_;
  /// By serial: as many as there can be in flight.
  std::array<std::atomic<std::uint64_t>, max_ring_size> signals_{};
};

/// The timeline semaphore that counts a ring's submissions to one queue: serial n is value n.
///
/// Vulkan promises that its value never sinks, so what is known to have ended needs no question to
/// the driver. All functions may be called by any thread.
class QueueProgress {
 public:
  /// Throws BackendError.
  QueueProgress(const std::shared_ptr<DeviceImpl>& device, QueueIndex queue)
      : device_(device),
        timeline_(std::make_shared<SemaphoreTimeline>(device)),
        loss_probe_(device, queue) {}

  [[nodiscard]] const VkSemaphore& semaphore() const noexcept { return timeline_->handle(); }
  /// The semaphore, for submissions that wait for this queue's; it goes with the last of them.
  [[nodiscard]] const std::shared_ptr<SemaphoreTimeline>& timeline() const noexcept {
    return timeline_;
  }

  /// A submission that signals `value` has gone to the driver.
  void note_submitted(std::uint64_t value) noexcept {
    submitted_.store(value, std::memory_order_relaxed);
  }
  /// A wait found that `value` has been reached.
  void note_ended(std::uint64_t value) noexcept;
  /// Whether `value` is known to have been reached.
  [[nodiscard]] bool is_known_to_have_reached(std::uint64_t value) const noexcept {
    return ended_.load(std::memory_order_acquire) >= value;
  }

  /// The value now. Asks the driver only if work is in flight, and whether the device is lost if it
  /// doesn't get on. Throws DeviceLost, BackendError.
  std::uint64_t read(const Report& report);

  /// For who reads the times of this queue's submissions.
  GpuClock::Queue times;

 private:
  std::shared_ptr<DeviceImpl> device_;
  std::shared_ptr<SemaphoreTimeline> timeline_;
  LossProbe loss_probe_;
  /// The newest value that submitted work will signal.
  std::atomic<std::uint64_t> submitted_ = 0;
  /// The newest value that was seen.
  std::atomic<std::uint64_t> ended_ = 0;
};

}  // namespace cbr::vulkan
