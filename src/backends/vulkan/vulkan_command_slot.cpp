#include "backends/vulkan/vulkan_command_slot.h"

#include <cstdint>
#include <utility>

#include "backends/vulkan/queue_progress.h"

namespace cbr::vulkan {

CommandSlot::CommandSlot(std::shared_ptr<const DeviceImpl> device, QueueIndex queue, GpuTimes times,
                         const std::string& label)
    : device_(std::move(device)), timestamps_(device_, queue, times) {
  const auto& vk = device_->functions();
  const VkDevice handle = device_->handle();
  try {
    VkCommandPoolCreateInfo pool{};
    pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
    pool.flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT;
    pool.queueFamilyIndex = device_->queue(queue).family();
    device_->check(vk.vkCreateCommandPool(handle, &pool, nullptr, &pool_), "vkCreateCommandPool");

    VkCommandBufferAllocateInfo allocate{};
    allocate.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO;
    allocate.commandPool = pool_;
    allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    allocate.commandBufferCount = 1;
    device_->check(vk.vkAllocateCommandBuffers(handle, &allocate, &command_buffer_),
                   "vkAllocateCommandBuffers");
    // Dispatchable handles are pointers: the cast is how debug names take them.
    device_->set_name(VK_OBJECT_TYPE_COMMAND_BUFFER,
                      reinterpret_cast<std::uint64_t>(command_buffer_), label);
  } catch (...) {
    if (pool_ != VK_NULL_HANDLE) vk.vkDestroyCommandPool(handle, pool_, nullptr);
    throw;
  }
}

CommandSlot::~CommandSlot() {
  // A lease may keep a slot in a child that was forked off; the driver is the parent's.
  if (!device_->same_process()) {
    timestamps_.leave();
    return;
  }
  device_->functions().vkDestroyCommandPool(device_->handle(), pool_, nullptr);
}

void CommandSlot::begin() {
  const auto& vk = device_->functions();
  waits_.clear();
  device_->check(vk.vkResetCommandPool(device_->handle(), pool_, 0), "vkResetCommandPool");
  VkCommandBufferBeginInfo begin{};
  begin.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO;
  begin.flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT;
  device_->check(vk.vkBeginCommandBuffer(command_buffer_, &begin), "vkBeginCommandBuffer");
  timestamps_.write_start(command_buffer_);
}

void CommandSlot::end() {
  timestamps_.write_end(command_buffer_);
  device_->check(device_->functions().vkEndCommandBuffer(command_buffer_), "vkEndCommandBuffer");
  if (timestamps_.are_written()) submitted_at_ = Clock::now();
}

void CommandSlot::set_waits(std::span<TimelinePoint> waits) {
  waits_.clear();
  wait_semaphores_.clear();
  wait_values_.clear();
  for (TimelinePoint& wait : waits) {
    // The ring has asked for its device.
    const auto& timeline = static_cast<const SemaphoreTimeline&>(*wait.timeline);
    wait_semaphores_.push_back(timeline.handle());
    wait_values_.push_back(wait.serial.value());
    waits_.push_back(std::move(wait));
  }
  wait_stages_.assign(waits.size(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
}

}  // namespace cbr::vulkan
