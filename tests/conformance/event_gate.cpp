#include "conformance/event_gate.h"

#include <utility>

#include "backends/vulkan/result.h"

namespace cbr::test {

using vulkan::check;

EventGate::EventGate(std::shared_ptr<vulkan::Device> device, QueueIndex queue)
    : device_(std::move(device)), queue_(queue) {
  VkCommandPoolCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  create.queueFamilyIndex = device_->queue_family(queue_);
  check(load<PFN_vkCreateCommandPool>("vkCreateCommandPool")(device_->handle(), &create, nullptr,
                                                             &pool_),
        "vkCreateCommandPool");
}

EventGate::~EventGate() {
  open();
  load<PFN_vkQueueWaitIdle>("vkQueueWaitIdle")(device_->queue(queue_));
  const auto destroy = load<PFN_vkDestroyEvent>("vkDestroyEvent");
  for (VkEvent event : events_) destroy(device_->handle(), event, nullptr);
  load<PFN_vkDestroyCommandPool>("vkDestroyCommandPool")(device_->handle(), pool_, nullptr);
}

void EventGate::close() {
  VkEventCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_EVENT_CREATE_INFO;
  VkEvent event = VK_NULL_HANDLE;
  check(load<PFN_vkCreateEvent>("vkCreateEvent")(device_->handle(), &create, nullptr, &event),
        "vkCreateEvent");
  events_.push_back(event);

  VkCommandBufferAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
  allocate.commandPool = pool_;
  allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
  allocate.commandBufferCount = 1;
  VkCommandBuffer commands = VK_NULL_HANDLE;
  check(load<PFN_vkAllocateCommandBuffers>("vkAllocateCommandBuffers")(device_->handle(), &allocate,
                                                                       &commands),
        "vkAllocateCommandBuffers");
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  check(load<PFN_vkBeginCommandBuffer>("vkBeginCommandBuffer")(commands, &begin),
        "vkBeginCommandBuffer");
  load<PFN_vkCmdWaitEvents>("vkCmdWaitEvents")(commands, 1, &event, VK_PIPELINE_STAGE_HOST_BIT,
                                               VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, nullptr, 0,
                                               nullptr, 0, nullptr);
  check(load<PFN_vkEndCommandBuffer>("vkEndCommandBuffer")(commands), "vkEndCommandBuffer");

  VkSubmitInfo submission{};
  submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  submission.commandBufferCount = 1;
  submission.pCommandBuffers = &commands;
  device_->submit(queue_, submission);
  closed_ = true;
}

void EventGate::open() {
  if (!std::exchange(closed_, false)) return;
  check(load<PFN_vkSetEvent>("vkSetEvent")(device_->handle(), events_.back()), "vkSetEvent");
}

}  // namespace cbr::test
