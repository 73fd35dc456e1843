#include "backends/vulkan/loss_probe.h"

#include <limits>
#include <utility>

namespace cbr::vulkan {

LossProbe::LossProbe(std::shared_ptr<DeviceImpl> device, QueueIndex queue)
    : device_(std::move(device)), queue_(queue) {
  VkFenceCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO;
  device_->check(device_->functions().vkCreateFence(device_->handle(), &create, nullptr, &fence_),
                 "vkCreateFence");
}

LossProbe::~LossProbe() {
  const auto& vk = device_->functions();
  if (submitted_) {
    // If it fails, the device is lost, and so the fence is not in use any more.
    vk.vkWaitForFences(device_->handle(), 1, &fence_, VK_TRUE,
                       std::numeric_limits<std::uint64_t>::max());
  }
  vk.vkDestroyFence(device_->handle(), fence_, nullptr);
}

void LossProbe::look(std::uint64_t value) {
  if (last_value_.exchange(value, std::memory_order_relaxed) != value) {
    next_look_.store(unset, std::memory_order_relaxed);
    return;
  }
  const TimePoint now = Clock::now();
  TimePoint due = next_look_.load(std::memory_order_relaxed);
  if (due != unset && now < due) return;
  // Of several threads one goes on.
  if (!next_look_.compare_exchange_strong(due, now + interval, std::memory_order_relaxed)) return;
  if (due == unset || asking_.test_and_set(std::memory_order_acquire)) return;
  try {
    ask();
  } catch (...) {
    asking_.clear(std::memory_order_release);
    throw;
  }
  asking_.clear(std::memory_order_release);
}

void LossProbe::ask() {
  const auto& vk = device_->functions();
  if (!submitted_) {
    device_->submit_fence(queue_, fence_);
    submitted_ = true;
    return;
  }
  const VkResult result = vk.vkWaitForFences(device_->handle(), 1, &fence_, VK_TRUE, 0);
  if (result == VK_TIMEOUT) return;
  device_->check(result, "vkWaitForFences");
  submitted_ = false;
  device_->check(vk.vkResetFences(device_->handle(), 1, &fence_), "vkResetFences");
}

}  // namespace cbr::vulkan
