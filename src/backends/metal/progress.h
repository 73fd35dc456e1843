// What has ended on the queues of one ring, told by Metal's handlers.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <cbr/backend.h>
#include <cbr/types.h>

#include "backends/metal/device_loss.h"
#include "backends/metal/gpu_times.h"

namespace cbr::metal {

/// How one command buffer ended.
struct Outcome {
  /// When it ran.
  RunTimes times = {};
  /// Empty if it succeeded.
  std::string error = {};
  /// The error is one after which the device is no use any more.
  bool device_lost = false;
};

/// One command buffer between its creation and its completion. Shared by its slot and its handler,
/// for a handler may run after its slot has gone on.
class Work {
 public:
  explicit Work(QueueIndex queue) : queue_(queue) {}

 private:
  friend class Progress;
  const QueueIndex queue_;
  // All below is guarded by the mutex of Progress.
  bool ended_ = false;
  Outcome outcome_;
};

/// Joins what handlers tell, in whatever order, to "all up to this serial have ended".
///
/// Metal starts the buffers of a queue in order, and promises nothing of the order in which they
/// complete. So each is noted by itself: an event or counter that all share would call an earlier
/// one ended that still runs.
///
/// Functions may be called by any thread. None but wait() blocks, and nobody calls Metal or the
/// user under the mutex; so a handler is never held up.
class Progress {
 public:
  Progress(std::uint32_t queue_count, std::shared_ptr<DeviceLoss> loss);

  /// The next submission of the work's queue. Comes before the commit, since the work may end
  /// before that returns; it may even have ended already, where the program committed it itself.
  void submitted(std::shared_ptr<Work> work);
  /// Called by the handler, once.
  void ended(Work& work, Outcome outcome);
  /// How work that has ended did so. Moves it out.
  [[nodiscard]] Outcome take_outcome(Work& work);

  /// As Backend has them.
  [[nodiscard]] Serial completed(QueueIndex queue) const;
  WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number, TimePoint deadline);
  void wake(std::uint64_t wake_number);

 private:
  struct Queue {
    /// In the order of serials; the front is the one after `completed`.
    std::deque<std::shared_ptr<Work>> in_flight;
    Serial completed;

    void advance();
  };

  const std::shared_ptr<DeviceLoss> loss_;
  mutable std::mutex mutex_;
  /// Signalled when a wait may have something new to see.
  std::condition_variable changed_;
  // All below is guarded by mutex_.
  std::vector<Queue> queues_;
  std::uint64_t woken_ = 0;
};

}  // namespace cbr::metal
