#include "compute/recorder.h"

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/vulkan/functions.h"

namespace cbr::compute {
namespace {

constexpr VkPipelineStageFlags compute_stage = VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT;
constexpr VkPipelineStageFlags copy_stage = VK_PIPELINE_STAGE_TRANSFER_BIT;
constexpr VkAccessFlags shader_access = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
constexpr VkAccessFlags copy_access = VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;

}  // namespace

Recorder::Recorder(const vulkan::Device& device, VkCommandBuffer commands)
    : vk_(&vulkan::functions_of(device)), commands_(commands) {}

void Recorder::dispatch(const Kernel& kernel, std::span<const std::byte> push,
                        const GroupCount& groups) {
  kernel.require_dispatchable(groups);
  if (push.size() != kernel.push_constant_size()) {
    throw InvalidUsage(fmt::format("kernel {} takes {} bytes of push constants, {} are given",
                                   kernel.name(), kernel.push_constant_size(), push.size()));
  }
  if (bound_ != kernel.pipeline()) {
    vk_->vkCmdBindPipeline(commands_, VK_PIPELINE_BIND_POINT_COMPUTE, kernel.pipeline());
    bound_ = kernel.pipeline();
  }
  // Vulkan forbids to push none.
  if (!push.empty()) {
    vk_->vkCmdPushConstants(commands_, kernel.layout(), VK_SHADER_STAGE_COMPUTE_BIT, 0,
                            static_cast<std::uint32_t>(push.size()), push.data());
  }
  vk_->vkCmdDispatch(commands_, groups.x, groups.y, 1);
}

void Recorder::barrier() {
  barrier(compute_stage, VK_ACCESS_SHADER_WRITE_BIT, compute_stage, shader_access);
}

void Recorder::barrier_with_copies() {
  barrier(compute_stage | copy_stage, VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
          compute_stage | copy_stage, shader_access | copy_access);
}

void Recorder::barrier_to_host() {
  barrier(compute_stage | copy_stage, VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
          VK_PIPELINE_STAGE_HOST_BIT, VK_ACCESS_HOST_READ_BIT);
}

void Recorder::barrier(VkPipelineStageFlags from, VkAccessFlags written, VkPipelineStageFlags to,
                       VkAccessFlags accessed) {
  VkMemoryBarrier memory{};
  memory.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  memory.srcAccessMask = written;
  memory.dstAccessMask = accessed;
  vk_->vkCmdPipelineBarrier(commands_, from, to, 0, 1, &memory, 0, nullptr, 0, nullptr);
}

void Recorder::copy(const Buffer& from, std::uint64_t from_offset, const Buffer& to,
                    std::uint64_t to_offset, std::uint64_t size) {
  const VkBufferCopy region{from.offset() + from_offset, to.offset() + to_offset, size};
  vk_->vkCmdCopyBuffer(commands_, from.handle(), to.handle(), 1, &region);
}

void Recorder::update(const Buffer& to, std::uint64_t offset, std::span<const std::byte> data) {
  vk_->vkCmdUpdateBuffer(commands_, to.handle(), to.offset() + offset, data.size(), data.data());
}

}  // namespace cbr::compute
