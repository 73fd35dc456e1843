#include "backends/vulkan/timeline_semaphore.h"

#include <utility>

namespace cbr::vulkan {

TimelineSemaphore::TimelineSemaphore(std::shared_ptr<const DeviceImpl> device)
    : device_(std::move(device)) {
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  create.pNext = &type;
  device_->check(
      device_->functions().vkCreateSemaphore(device_->handle(), &create, nullptr, &handle_),
      "vkCreateSemaphore");
}

TimelineSemaphore::~TimelineSemaphore() {
  // A ticket's point may keep it in a child that was forked off; the driver is the parent's.
  if (!device_->same_process()) return;
  if (waited_for_.load(std::memory_order_relaxed)) {
    device_->destroy_waited(handle_);
  } else {
    device_->functions().vkDestroySemaphore(device_->handle(), handle_, nullptr);
  }
}

void TimelineSemaphore::signal(std::uint64_t value) const {
  VkSemaphoreSignalInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO;
  info.semaphore = handle_;
  info.value = value;
  device_->check(device_->functions().vkSignalSemaphore(device_->handle(), &info),
                 "vkSignalSemaphore");
}

}  // namespace cbr::vulkan
