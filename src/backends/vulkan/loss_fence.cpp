#include "backends/vulkan/loss_fence.h"

#include <chrono>
#include <limits>
#include <thread>

#include "backends/vulkan/vulkan_device.h"

namespace cbr::vulkan {
namespace {

/// Clears the flag at the end of a scope.
class Hold {
 public:
  explicit Hold(std::atomic_flag& flag)
      : flag_(flag), held_(!flag.test_and_set(std::memory_order_acquire)) {}
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  ~Hold() {
    if (held_) flag_.clear(std::memory_order_release);
  }
  [[nodiscard]] bool held() const { return held_; }

 private:
  std::atomic_flag& flag_;
  bool held_;
};

}  // namespace

LossFence::~LossFence() {
  if (fence_ == VK_NULL_HANDLE) return;
  // One that may be in use is better left to the driver than destroyed.
  if (state_ == State::pending && !wait_until_unused()) return;
  device_.functions().vkDestroyFence(device_.handle(), fence_, nullptr);
}

void LossFence::ask() {
  const Hold hold(asking_);
  if (hold.held()) step();
}

void LossFence::step() {
  const auto& vk = device_.functions();
  if (fence_ == VK_NULL_HANDLE) create();
  switch (state_) {
    case State::idle:
      // A submission that fails leaves the fence as it was, or has lost the device.
      device_.submit_fence(queue_, fence_);
      state_ = State::pending;
      return;
    case State::pending: {
      const VkResult result = vk.vkWaitForFences(device_.handle(), 1, &fence_, VK_TRUE, 0);
      if (result == VK_TIMEOUT) return;
      device_.check(result, "vkWaitForFences");
      state_ = State::signalled;
      [[fallthrough]];
    }
    case State::signalled:
      device_.check(vk.vkResetFences(device_.handle(), 1, &fence_), "vkResetFences");
      state_ = State::idle;
  }
}

void LossFence::create() {
  VkFenceCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  VkFence fence = VK_NULL_HANDLE;
  device_.check(device_.functions().vkCreateFence(device_.handle(), &create, nullptr, &fence),
                "vkCreateFence");
  fence_ = fence;
}

bool LossFence::wait_until_unused() const noexcept {
  if (device_.is_lost()) return true;
  // A failure of the wait says nothing of the fence, unless it is the device's loss.
  constexpr int attempts = 1000;
  for (int i = 0; i < attempts; ++i) {
    const VkResult result = device_.functions().vkWaitForFences(
        device_.handle(), 1, &fence_, VK_TRUE, std::numeric_limits<std::uint64_t>::max());
    if (result == VK_SUCCESS || result == VK_ERROR_DEVICE_LOST) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace cbr::vulkan
