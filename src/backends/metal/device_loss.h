// Whether a device is lost, and why.
#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include <cbr/errors.h>

namespace cbr::metal {

/// Sticky: the first cause stays. Shared by the backends of a device. Any thread may call.
class DeviceLoss {
 public:
  void lose(const std::string& cause) {
    const std::lock_guard lock(mutex_);
    if (lost_.load(std::memory_order_relaxed)) return;
    cause_ = cause;
    lost_.store(true, std::memory_order_release);
  }

  /// Throws DeviceLost with the cause once the device is lost.
  void require_device() const {
    // The cause does not change any more once lost_ is set.
    if (lost_.load(std::memory_order_acquire)) throw DeviceLost(cause_);
  }

 private:
  std::mutex mutex_;
  std::atomic<bool> lost_ = false;
  std::string cause_;
};

}  // namespace cbr::metal
