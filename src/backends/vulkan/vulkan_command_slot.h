// The native objects of one slot.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <cbr/types.h>

#include "backends/vulkan/timestamps.h"
#include "backends/vulkan/vulkan_device.h"

namespace cbr::vulkan {

/// One command pool with one primary command buffer, and two timestamps.
///
/// A pool of its own lets slots be recorded by different threads at once, and makes resetting it
/// the cheap way to reuse the buffer. One thread at a time uses a slot.
class CommandSlot {
 public:
  /// For submission to `queue`. Throws BackendError.
  CommandSlot(std::shared_ptr<const DeviceImpl> device, QueueIndex queue, const std::string& label);
  CommandSlot(const CommandSlot&) = delete;
  CommandSlot& operator=(const CommandSlot&) = delete;
  ~CommandSlot();

  /// Starts a recording and writes the start timestamp. Throws BackendError.
  void begin();
  /// Writes the end timestamp and ends the recording. Throws BackendError.
  void end();

  [[nodiscard]] VkCommandBuffer command_buffer() const noexcept { return command_buffer_; }

  /// When the GPU ran the last recording, which must have completed. Throws DeviceLost,
  /// BackendError.
  [[nodiscard]] std::optional<GpuInterval> read_interval() const { return timestamps_.read(); }

 private:
  std::shared_ptr<const DeviceImpl> device_;
  Timestamps timestamps_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer command_buffer_ = VK_NULL_HANDLE;
};

}  // namespace cbr::vulkan
