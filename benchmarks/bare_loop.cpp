#include "bare_loop.h"

#include <limits>
#include <utility>

#include "backends/vulkan/functions.h"
#include "backends/vulkan/result.h"

namespace cbr::benchmarks {

using vulkan::check;

BareLoop::BareLoop(std::shared_ptr<vulkan::Device> device, std::uint32_t buffer_count)
    : device_(std::move(device)), slots_(buffer_count) {
  const auto& vk = vulkan::functions_of(*device_);
  VkSemaphoreTypeCreateInfo type{};
  type.sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO;
  type.semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE;
  VkSemaphoreCreateInfo semaphore{};
  semaphore.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO;
  semaphore.pNext = &type;
  check(vk.vkCreateSemaphore(device_->handle(), &semaphore, nullptr, &semaphore_),
        "vkCreateSemaphore");
  for (Slot& slot : slots_) {
    VkCommandPoolCreateInfo pool{};
    pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    pool.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
    pool.queueFamilyIndex = device_->queue_family();
    check(vk.vkCreateCommandPool(device_->handle(), &pool, nullptr, &slot.pool),
          "vkCreateCommandPool");
    VkCommandBufferAllocateInfo allocate{};
    allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    allocate.commandPool = slot.pool;
    allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    allocate.commandBufferCount = 1;
    check(vk.vkAllocateCommandBuffers(device_->handle(), &allocate, &slot.command_buffer),
          "vkAllocateCommandBuffers");
  }
}

BareLoop::~BareLoop() {
  const auto& vk = vulkan::functions_of(*device_);
  for (const Slot& slot : slots_) vk.vkDestroyCommandPool(device_->handle(), slot.pool, nullptr);
  vk.vkDestroySemaphore(device_->handle(), semaphore_, nullptr);
}

void BareLoop::run(std::uint32_t steps, const std::function<void(VkCommandBuffer)>& record) {
  const auto& vk = vulkan::functions_of(*device_);
  for (std::uint32_t i = 0; i < steps; ++i) {
    Slot& slot = slots_[i % slots_.size()];
    wait(slot.value);
    check(vk.vkResetCommandPool(device_->handle(), slot.pool, 0), "vkResetCommandPool");
    VkCommandBufferBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
    begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
    check(vk.vkBeginCommandBuffer(slot.command_buffer, &begin), "vkBeginCommandBuffer");
    record(slot.command_buffer);
    check(vk.vkEndCommandBuffer(slot.command_buffer), "vkEndCommandBuffer");

    slot.value = ++value_;
    VkTimelineSemaphoreSubmitInfo timeline{};
    timeline.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
    timeline.signalSemaphoreValueCount = 1;
    timeline.pSignalSemaphoreValues = &slot.value;
    VkSubmitInfo submission{};
    submission.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
    submission.pNext = &timeline;
    submission.commandBufferCount = 1;
    submission.pCommandBuffers = &slot.command_buffer;
    submission.signalSemaphoreCount = 1;
    submission.pSignalSemaphores = &semaphore_;
    check(vk.vkQueueSubmit(device_->queue(), 1, &submission, VK_NULL_HANDLE), "vkQueueSubmit");
  }
  wait(value_);
}

void BareLoop::wait(std::uint64_t value) const {
  VkSemaphoreWaitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO;
  info.semaphoreCount = 1;
  info.pSemaphores = &semaphore_;
  info.pValues = &value;
  check(vulkan::functions_of(*device_).vkWaitSemaphores(device_->handle(), &info,
                                                        std::numeric_limits<std::uint64_t>::max()),
        "vkWaitSemaphores");
}

}  // namespace cbr::benchmarks
