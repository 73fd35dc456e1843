#include "support/queue_gate.h"

#include <utility>

#include "backends/vulkan/functions.h"
#include "backends/vulkan/result.h"

namespace cbr::test {

QueueGate::QueueGate(std::shared_ptr<vulkan::Device> device) : device_(std::move(device)) {
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  create.pNext = &type;
  vulkan::check(
      device_->functions().vkCreateSemaphore(device_->handle(), &create, nullptr, &semaphore_),
      "vkCreateSemaphore");
}

QueueGate::~QueueGate() {
  if (closed_) open();
  device_->functions().vkQueueWaitIdle(device_->queue());
  device_->functions().vkDestroySemaphore(device_->handle(), semaphore_, nullptr);
}

void QueueGate::close() {
  const std::uint64_t opened = ++value_;
  VkTimelineSemaphoreSubmitInfo timeline{};
  timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  timeline.waitSemaphoreValueCount = 1;
  timeline.pWaitSemaphoreValues = &opened;
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_ALL_COMMANDS_BIT;
  VkSubmitInfo submission{};
  submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submission.pNext = &timeline;
  submission.waitSemaphoreCount = 1;
  submission.pWaitSemaphores = &semaphore_;
  submission.pWaitDstStageMask = &stage;
  device_->submit(submission);
  closed_ = true;
}

void QueueGate::open() {
  VkSemaphoreSignalInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SIGNAL_INFO;
  info.semaphore = semaphore_;
  info.value = value_;
  vulkan::check(device_->functions().vkSignalSemaphore(device_->handle(), &info),
                "vkSignalSemaphore");
  closed_ = false;
}

}  // namespace cbr::test
