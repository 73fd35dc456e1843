// What Metal's handlers have told: which submissions ended, and how.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <cbr/backend.h>
#include <cbr/types.h>

#include "backends/metal/device_loss.h"

namespace cbr::metal {

/// Number of a recording: tells the leases of a slot apart.
enum class RecordingNumber : std::uint64_t {};

/// Collects the ends of submissions, which Metal tells in any order, and lets threads wait for
/// them.
///
/// Metal promises that the buffers of a queue start in order, not that they complete so. Each
/// submission is therefore marked by its own handler, and a serial counts as completed once it and
/// all before it are marked.
///
/// Handlers may outlive the ring: they share the board. Pure C++, with no call of Metal. Any thread
/// may call; only wait() blocks.
class CompletionBoard {
 public:
  /// For slots 0 to `slots` - 1. The loss is shared with the other backends of the device.
  CompletionBoard(std::uint32_t queue_count, std::uint32_t slots, std::shared_ptr<DeviceLoss> loss);

  /// A lease of the slot starts: what handlers of earlier ones tell of it from now on is ignored.
  RecordingNumber begin(SlotIndex slot);
  /// The slot's recording was committed with this serial. Its end may have been told already.
  void submitted(SlotIndex slot, QueueIndex queue, Serial serial);
  /// From the handler of a recording: it has ended.
  void ended(SlotIndex slot, RecordingNumber recording, Completion completion);
  /// From a handler: the device is gone. Wakes every waiter.
  void lose(const std::string& cause);

  /// As the functions of Backend. All throw DeviceLost once the device is lost.
  Serial completed(QueueIndex queue);
  Completion take(SlotIndex slot);
  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number, TimePoint deadline);
  void wake(std::uint64_t wake_number);

 private:
  struct Entry {
    RecordingNumber recording{};
    QueueIndex queue{};
    /// 0 until it is submitted.
    Serial serial;
    /// Set when the handler came.
    std::optional<Completion> completion;
  };
  /// The submissions of a queue: which are marked, by serial modulo the number of slots.
  struct Queue {
    Serial completed;
    std::vector<bool> marked;
  };

  void mark(const Entry& entry);

  const std::shared_ptr<DeviceLoss> loss_;
  std::mutex mutex_;
  // Signalled when a wait may have something new to see. All below is guarded by mutex_.
  std::condition_variable changed_;
  std::vector<Entry> entries_;
  std::vector<Queue> queues_;
  std::uint64_t recordings_ = 0;
  std::uint64_t woken_ = 0;
};

}  // namespace cbr::metal
