#include "backends/vulkan/vulkan_command_slot.h"

#include <cstdint>
#include <utility>

#include "backends/vulkan/queue_progress.h"

namespace cbr::vulkan {

CommandSlot::CommandSlot(std::shared_ptr<const DeviceImpl> device, QueueIndex queue,
                         VkSemaphore progress, GpuTimes times, const std::string& label)
    : device_(std::move(device)), progress_(progress), timestamps_(device_, queue, times) {
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
  waits_of_program_.clear();
  signals_of_program_.clear();
  buffers_before_.clear();
  buffers_after_.clear();
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

void CommandSlot::add(const SubmitOptions& options) {
  waits_of_program_ = options.wait;
  signals_of_program_ = options.signal;
  buffers_before_ = options.command_buffers_before;
  buffers_after_ = options.command_buffers_after;
}

NativeSubmission& CommandSlot::submission(std::span<TimelinePoint> waits, std::uint64_t value) {
  submission_.clear();
  waits_.clear();
  for (TimelinePoint& wait : waits) {
    // The ring has asked for its device.
    const auto& timeline = static_cast<const SemaphoreTimeline&>(*wait.timeline);
    timeline.note_wait();
    submission_.wait(timeline.handle(), timeline.value_of(wait.serial),
                     VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT);
    waits_.push_back(std::move(wait));
  }
  for (const Semaphore& wait : waits_of_program_) {
    submission_.wait(wait.handle, wait.value.value_or(0), wait.stages);
  }
  for (const VkCommandBuffer buffer : buffers_before_) submission_.run(buffer);
  submission_.run(command_buffer_);
  for (const VkCommandBuffer buffer : buffers_after_) submission_.run(buffer);
  for (const Semaphore& signal : signals_of_program_) {
    submission_.signal(signal.handle, signal.value.value_or(0), signal.stages);
  }
  // Last: drivers were seen to signal in this order, though Vulkan leaves it open, and what a
  // ticket tells then comes after the program's signals.
  submission_.signal(progress_, value, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT);
  return submission_;
}

}  // namespace cbr::vulkan
