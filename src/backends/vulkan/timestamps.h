// The timestamps of a slot: when the GPU started and ended a submission.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include <cbr/types.h>

#include "backends/vulkan/gpu_clock.h"
#include "backends/vulkan/vulkan_device.h"

namespace cbr::vulkan {

/// A query pool, read without waiting for the GPU.
///
/// The pool holds the queries of several submissions, which use them in turn: resetting queries
/// takes a call of the driver or, where the feature hostQueryReset is not on, 3 µs of GPU time
/// between two submissions (H200). So all are reset at once, when the last have been used.
///
/// Mesa's software driver waits for the whole device to be idle in vkGetQueryPoolResults, whatever
/// the flags: a ring that read its slots that way would never overlap anything. There the GPU
/// copies the results to memory that the host reads. Other drivers get no such copy: it costs GPU
/// time between two submissions.
///
/// One thread at a time uses an object.
class Timestamps {
 public:
  /// For submissions to `queue`. Does nothing, now or later, on a queue without timestamps or where
  /// none are wanted. Throws BackendError.
  Timestamps(std::shared_ptr<const DeviceImpl> device, QueueIndex queue, GpuTimes times);
  Timestamps(const Timestamps&) = delete;
  Timestamps& operator=(const Timestamps&) = delete;
  /// Not for a forked child: see leave().
  ~Timestamps();

  /// Records the start, before all other commands.
  void write_start(VkCommandBuffer command_buffer);
  /// Records the end, behind all other commands.
  void write_end(VkCommandBuffer command_buffer) const;
  /// Whether the recording that was started last notes any time.
  [[nodiscard]] bool are_written() const noexcept { return written_; }
  /// That recording was submitted. One that wasn't leaves its queries to the next.
  void note_submission() noexcept;
  /// That submission was refused, and won't run.
  void note_refusal() noexcept;
  /// What the last submission noted. It must have completed. Throws DeviceLost, BackendError.
  [[nodiscard]] std::optional<GpuClock::Ticks> read() const;

  /// For a child that was forked off: nothing native is touched any more.
  void leave() noexcept;

  /// Times are noted for the first of so many submissions with GpuTimes::sampled.
  static constexpr std::uint32_t sampling_interval = 16;
  /// How many queries are reset at once.
  static constexpr std::uint32_t query_count = 32;

 private:
  void create_copy();
  void destroy() noexcept;
  [[nodiscard]] std::uint32_t queries_a_use() const noexcept { return with_start_ ? 2 : 1; }

  std::shared_ptr<const DeviceImpl> device_;
  GpuTimes times_;
  bool with_start_;
  VkQueryPool queries_ = VK_NULL_HANDLE;
  /// Where the GPU copies the results; null where they are read directly.
  VkBuffer copy_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  const void* mapped_ = nullptr;

  /// Counted for GpuTimes::sampled.
  std::uint32_t submissions_ = 0;
  /// The first query of the next recording that is written. At 0, all are reset before.
  std::uint32_t next_ = 0;
  bool written_ = false;
  /// The first query of the last submission, if it noted a time.
  std::optional<std::uint32_t> submitted_;
};

}  // namespace cbr::vulkan
