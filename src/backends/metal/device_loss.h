// Whether a device is lost, and why.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <utility>

#include <cbr/errors.h>

namespace cbr::metal {

/// Shared by a device, the backends on it and their handlers. The first cause stays. Functions may
/// be called by any thread.
class DeviceLoss {
 public:
  void lose(std::string cause) {
    const std::lock_guard lock(mutex_);
    if (lost_.load(std::memory_order_relaxed)) return;
    cause_ = std::move(cause);
    lost_.store(true, std::memory_order_release);
  }

  /// Throws DeviceLost.
  void require_usable() const {
    // The cause doesn't change any more once this is set.
    if (lost_.load(std::memory_order_acquire)) throw DeviceLost(cause_);
  }

 private:
  std::mutex mutex_;
  std::atomic<bool> lost_ = false;
  std::string cause_;
};

}  // namespace cbr::metal
