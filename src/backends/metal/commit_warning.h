// Tells that a program committed a lease's command buffer itself.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include <cbr/types.h>

namespace cbr::metal {

/// One a ring, which warns once. Functions may be called by any thread.
class CommitWarning {
 public:
  CommitWarning(std::string ring_name, std::function<void(const std::string& line)> sink)
      : ring_name_(std::move(ring_name)), sink_(std::move(sink)) {}

  /// Called with a lock of the ring held, so nothing is told yet.
  void note(SlotIndex slot) noexcept {
    if (noted_.exchange(true)) return;
    slot_ = slot;
    due_.store(true, std::memory_order_release);
  }
  /// Tells what was noted. Not to be called with a lock held: the sink is the program's.
  void tell() noexcept {
    if (!due_.load(std::memory_order_acquire) || !due_.exchange(false)) return;
    try {
      sink_(fmt::format(
          "{} #{}: the program committed a lease's command buffer itself; the ring goes on with "
          "it, but the order of submissions is not the ring's any more: call Lease::submit() "
          "instead of commit",
          ring_name_, to_number(slot_)));
    } catch (...) {
      // The acquisition that it interrupts has nothing to do with it.
      return;
    }
  }

 private:
  const std::string ring_name_;
  const std::function<void(const std::string& line)> sink_;
  std::atomic<bool> noted_ = false;
  std::atomic<bool> due_ = false;
  SlotIndex slot_{};
};

}  // namespace cbr::metal
