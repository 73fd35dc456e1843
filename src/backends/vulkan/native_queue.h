// One native queue and the locks around its submissions.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

#include <vulkan/vulkan_core.h>

namespace cbr::vulkan {

/// A queue of a device. Vulkan forbids two threads at once in one queue, so each has a lock, which
/// is held for vkQueueSubmit alone. The functions may be called by any thread.
class NativeQueue {
 public:
  NativeQueue(VkQueue handle, std::uint32_t family, float priority,
              std::function<void()> lock = nullptr, std::function<void()> unlock = nullptr)
      : handle_(handle),
        family_(family),
        priority_(priority),
        lock_(std::move(lock)),
        unlock_(std::move(unlock)) {}

  [[nodiscard]] VkQueue handle() const noexcept { return handle_; }
  [[nodiscard]] std::uint32_t family() const noexcept { return family_; }
  [[nodiscard]] float priority() const noexcept { return priority_; }

  /// Runs `submit(handle)` under the lock: ours first, then the user's, so that of our threads at
  /// most one waits for the user.
  template <typename Submit>
  VkResult locked(Submit&& submit) {
    const std::lock_guard guard(mutex_);
    if (lock_) lock_();
    const UserLock user_lock{unlock_};
    return std::forward<Submit>(submit)(handle_);
  }

 private:
  struct UserLock {
    const std::function<void()>& unlock;
    ~UserLock() {
      if (unlock) unlock();
    }
  };

  const VkQueue handle_;
  const std::uint32_t family_;
  const float priority_;
  std::mutex mutex_;
  const std::function<void()> lock_;
  const std::function<void()> unlock_;
};

}  // namespace cbr::vulkan
