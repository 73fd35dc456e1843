#include "support/queue_gate.h"

#include <utility>

#include "backends/vulkan/functions.h"

namespace cbr::test {

QueueGate::QueueGate(std::shared_ptr<vulkan::Device> device, QueueIndex queue)
    : device_(std::move(device)), queue_(queue), semaphore_(vulkan::DeviceImpl::of(device_)) {}

QueueGate::~QueueGate() {
  if (closed_) open();
  vulkan::functions_of(*device_).vkQueueWaitIdle(device_->queue(queue_));
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
  submission.pWaitSemaphores = &semaphore_.handle();
  submission.pWaitDstStageMask = &stage;
  device_->submit(queue_, submission);
  closed_ = true;
}

void QueueGate::open() {
  semaphore_.signal(value_);
  closed_ = false;
}

}  // namespace cbr::test
