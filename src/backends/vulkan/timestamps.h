// The two timestamps of a slot: when the GPU started and ended a submission.
#pragma once

#include <memory>
#include <optional>

#include <cbr/types.h>

#include "backends/vulkan/vulkan_device.h"

namespace cbr::vulkan {

/// A query pool with a start and an end, read without waiting for the GPU.
///
/// Mesa's software driver waits for the whole device to be idle in vkGetQueryPoolResults, whatever
/// the flags: a ring that read its slots that way would never overlap anything. There the GPU
/// copies the results to memory that the host reads. Other drivers get no such copy: it costs GPU
/// time between two submissions.
///
/// One thread at a time uses an object.
class Timestamps {
 public:
  /// For submissions to `queue`. Does nothing, now or later, on a queue without timestamps. Throws
  /// BackendError.
  Timestamps(std::shared_ptr<const DeviceImpl> device, QueueIndex queue);
  Timestamps(const Timestamps&) = delete;
  Timestamps& operator=(const Timestamps&) = delete;
  ~Timestamps();

  /// Records the start, before all other commands.
  void write_start(VkCommandBuffer command_buffer) const;
  /// Records the end, behind all other commands.
  void write_end(VkCommandBuffer command_buffer) const;
  /// The interval of the last recording, which must have completed. Throws DeviceLost,
  /// BackendError.
  [[nodiscard]] std::optional<GpuInterval> read() const;

 private:
  void create_copy();
  void destroy() noexcept;

  std::shared_ptr<const DeviceImpl> device_;
  /// The bits of a timestamp that count.
  std::uint32_t bits_ = 0;
  VkQueryPool queries_ = VK_NULL_HANDLE;
  /// Where the GPU copies the results; null where they are read directly.
  VkBuffer copy_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  const void* mapped_ = nullptr;
};

}  // namespace cbr::vulkan
