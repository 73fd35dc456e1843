// The native objects of one slot.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
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
  /// For submission to `queue`; each signals `progress`, which outlives the last of them. Throws
  /// BackendError.
  CommandSlot(std::shared_ptr<const DeviceImpl> device, QueueIndex queue, VkSemaphore progress,
              GpuTimes times, const std::string& label);
  ~CommandSlot() override;

  /// Starts a recording and writes the start timestamp. Throws BackendError.
  void begin();
  /// Writes the end timestamp and ends the recording; the submission follows. Throws BackendError.
  void end();
  /// While it is recorded: has the submission wait, run and signal what the program says as well.
  /// If this throws std::bad_alloc, the recording has to be given up.
  void add(const SubmitOptions& options);
  /// What is to be submitted, once the recording has ended: it waits for `waits` at every stage of
  /// its work, and signals the queue's progress with `value` at its end. `waits` are moved from,
  /// and kept until the next begin(); the result is valid that long. Throws std::bad_alloc.
  NativeSubmission& submission(std::span<TimelinePoint> waits, std::uint64_t value);
  /// Whether the program has added something.
  [[nodiscard]] bool has_additions() const noexcept {
    return !waits_of_program_.empty() || !signals_of_program_.empty() || !buffers_before_.empty() ||
           !buffers_after_.empty();
  }
  /// What was recorded is submitted, or gathered.
  void note_submission() noexcept { timestamps_.note_submission(); }
  /// What was gathered has been refused.
  void note_refusal(std::exception_ptr failure) noexcept {
    timestamps_.note_refusal();
    refusal_ = std::move(failure);
  }
  /// Why the last submission was refused; null if it was not. Once.
  [[nodiscard]] std::exception_ptr take_refusal() noexcept {
    return std::exchange(refusal_, nullptr);
  }

  [[nodiscard]] VkCommandBuffer command_buffer() const noexcept { return command_buffer_; }
  /// What the queue's submissions signal: the ring's alone.
  [[nodiscard]] VkSemaphore progress() const noexcept { return progress_; }
  [[nodiscard]] const DeviceImpl& device() const noexcept { return *device_; }
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
  VkSemaphore progress_;
  Timestamps timestamps_;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer command_buffer_ = VK_NULL_HANDLE;
  TimePoint submitted_at_{};
  /// Keeps the semaphores that the submission waits for, be their ring gone.
  std::vector<TimelinePoint> waits_;
  /// The program's.
  std::vector<Semaphore> waits_of_program_;
  std::vector<Semaphore> signals_of_program_;
  std::vector<VkCommandBuffer> buffers_before_;
  std::vector<VkCommandBuffer> buffers_after_;
  NativeSubmission submission_;
  std::exception_ptr refusal_;
};

}  // namespace cbr::vulkan
