// The native objects of one slot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <cbr/backend.h>
#include <cbr/types.h>

#include "backends/vulkan/timestamps.h"
#include "backends/vulkan/vulkan_device.h"

namespace cbr::vulkan {

/// One command pool with one primary command buffer, and timestamps.
///
/// A pool of its own lets slots be recorded by different threads at once, and makes resetting it
/// the cheap way to reuse the buffer. One thread at a time uses a slot. Shares the device, so that
/// a lease may keep it for longer than its ring.
class CommandSlot final : public NativeSlot {
 public:
  /// For submission to `queue`. Throws BackendError.
  CommandSlot(std::shared_ptr<const DeviceImpl> device, QueueIndex queue, GpuTimes times,
              const std::string& label);
  ~CommandSlot() override;

  /// Starts a recording and writes the start timestamp. Throws BackendError.
  void begin();
  /// Writes the end timestamp and ends the recording; the submission follows. Throws BackendError.
  void end();
  /// Sets what the submission that follows waits for on the GPU, at every stage of its work; kept
  /// until the next begin(). Throws std::bad_alloc.
  void set_waits(std::span<TimelinePoint> waits);
  [[nodiscard]] const std::vector<VkSemaphore>& wait_semaphores() const { return wait_semaphores_; }
  [[nodiscard]] const std::vector<std::uint64_t>& wait_values() const { return wait_values_; }
  [[nodiscard]] const std::vector<VkPipelineStageFlags>& wait_stages() const {
    return wait_stages_;
  }
  /// What was recorded is submitted.
  void note_submission() noexcept { timestamps_.note_submission(); }

  [[nodiscard]] VkCommandBuffer command_buffer() const noexcept { return command_buffer_; }
  /// Whether it is between begin() and the end of that recording, in whichever way. For the
  /// backend, which keeps it.
  bool recording = false;

  /// What the GPU noted of the last submission, which must have completed. Throws DeviceLost,
  /// BackendError.
  [[nodiscard]] std::optional<GpuClock::Ticks> read_times() const { return timestamps_.read(); }
  /// When that recording ended. Of a submission without times, any moment.
  [[nodiscard]] TimePoint submitted_at() const noexcept { return submitted_at_; }

 private:
  std::shared_ptr<const DeviceImpl> device_;
  Timestamps timestamps_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer command_buffer_ = VK_NULL_HANDLE;
  TimePoint submitted_at_{};
  /// Keeps the semaphores that the submission waits for, be their ring gone.
  std::vector<TimelinePoint> waits_;
  std::vector<VkSemaphore> wait_semaphores_;
  std::vector<std::uint64_t> wait_values_;
  std::vector<VkPipelineStageFlags> wait_stages_;
};

}  // namespace cbr::vulkan
