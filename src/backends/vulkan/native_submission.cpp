#include "backends/vulkan/native_submission.h"

namespace cbr::vulkan {
namespace {

VkSemaphoreSubmitInfo semaphore_info(VkSemaphore semaphore, std::uint64_t value,
                                     VkPipelineStageFlags2 stages) {
  VkSemaphoreSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO;
  info.semaphore = semaphore;
  info.value = value;
  info.stageMask = stages;
  return info;
}

}  // namespace

void NativeSubmission::clear() noexcept {
  waits_.clear();
  command_buffers_.clear();
  signals_.clear();
}

void NativeSubmission::wait(VkSemaphore semaphore, std::uint64_t value,
                            VkPipelineStageFlags2 stages) {
  waits_.push_back(semaphore_info(semaphore, value, stages));
}

void NativeSubmission::run(VkCommandBuffer command_buffer) {
  VkCommandBufferSubmitInfo info{};
  info.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO;
  info.commandBuffer = command_buffer;
  command_buffers_.push_back(info);
}

void NativeSubmission::signal(VkSemaphore semaphore, std::uint64_t value,
                              VkPipelineStageFlags2 stages) {
  signals_.push_back(semaphore_info(semaphore, value, stages));
}

VkSubmitInfo2 NativeSubmission::info() const noexcept {
  VkSubmitInfo2 info{};
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2;
  info.waitSemaphoreInfoCount = static_cast<std::uint32_t>(waits_.size());
  info.pWaitSemaphoreInfos = waits_.data();
  info.commandBufferInfoCount = static_cast<std::uint32_t>(command_buffers_.size());
  info.pCommandBufferInfos = command_buffers_.data();
  info.signalSemaphoreInfoCount = static_cast<std::uint32_t>(signals_.size());
  info.pSignalSemaphoreInfos = signals_.data();
  return info;
}

const VkSubmitInfo& NativeSubmission::before_synchronization2() {
  Before& before = before_;
  before.wait_semaphores.clear();
  before.wait_values.clear();
  before.wait_stages.clear();
  for (const VkSemaphoreSubmitInfo& wait : waits_) {
    before.wait_semaphores.push_back(wait.semaphore);
    before.wait_values.push_back(wait.value);
    before.wait_stages.push_back(static_cast<VkPipelineStageFlags>(wait.stageMask));
  }
  before.command_buffers.clear();
  for (const VkCommandBufferSubmitInfo& buffer : command_buffers_) {
    before.command_buffers.push_back(buffer.commandBuffer);
  }
  before.signal_semaphores.clear();
  before.signal_values.clear();
  for (const VkSemaphoreSubmitInfo& signal : signals_) {
    before.signal_semaphores.push_back(signal.semaphore);
    before.signal_values.push_back(signal.value);
  }
  VkTimelineSemaphoreSubmitInfo& values = before.values;
  values.sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO;
  // A binary semaphore's is not looked at.
  values.waitSemaphoreValueCount = static_cast<std::uint32_t>(before.wait_values.size());
  values.pWaitSemaphoreValues = before.wait_values.data();
  values.signalSemaphoreValueCount = static_cast<std::uint32_t>(before.signal_values.size());
  values.pSignalSemaphoreValues = before.signal_values.data();
  VkSubmitInfo& info = before.info;
  info.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO;
  info.pNext = &values;
  info.waitSemaphoreCount = static_cast<std::uint32_t>(before.wait_semaphores.size());
  info.pWaitSemaphores = before.wait_semaphores.data();
  info.pWaitDstStageMask = before.wait_stages.data();
  info.commandBufferCount = static_cast<std::uint32_t>(before.command_buffers.size());
  info.pCommandBuffers = before.command_buffers.data();
  info.signalSemaphoreCount = static_cast<std::uint32_t>(before.signal_semaphores.size());
  info.pSignalSemaphores = before.signal_semaphores.data();
  return info;
}

}  // namespace cbr::vulkan
