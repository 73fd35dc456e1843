#include "backends/vulkan/timestamps.h"

#include <array>
#include <cstdint>
#include <cstring>

#include <cbr/errors.h>

#include "backends/vulkan/memory_type.h"

namespace cbr::vulkan {
namespace {

constexpr VkDeviceSize results_size = 2 * sizeof(std::uint64_t);

}  // namespace

Timestamps::Timestamps(std::shared_ptr<const DeviceImpl> device, QueueIndex queue, GpuTimes times)
    : device_(std::move(device)), times_(times), with_start_(times != GpuTimes::end) {
  if (times_ == GpuTimes::none || !device_->has_timestamps(queue)) return;
  try {
    VkQueryPoolCreateInfo queries{};
    queries.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
    queries.queryType = VK_QUERY_TYPE_TIMESTAMP;
    queries.queryCount = query_count;
    device_->check(
        device_->functions().vkCreateQueryPool(device_->handle(), &queries, nullptr, &queries_),
        "vkCreateQueryPool");
    if (device_->driver_id() == VK_DRIVER_ID_MESA_LLVMPIPE) create_copy();
  } catch (...) {
    destroy();
    throw;
  }
}

Timestamps::~Timestamps() {
  destroy();
}

void Timestamps::create_copy() {
  const auto& vk = device_->functions();
  const VkDevice handle = device_->handle();
  VkBufferCreateInfo buffer{};
  buffer.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  buffer.size = results_size;
  buffer.usage = VK_BUFFER_USAGE_TRANSFER_DST_BIT;
  device_->check(vk.vkCreateBuffer(handle, &buffer, nullptr, &copy_), "vkCreateBuffer");
  VkMemoryRequirements requirements{};
  vk.vkGetBufferMemoryRequirements(handle, copy_, &requirements);
  const auto type =
      find_memory_type(vk, device_->physical_device(), requirements.memoryTypeBits,
                       VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  // Vulkan promises such a type for every buffer.
  if (!type) throw BackendError("the device has no host-coherent memory for a buffer");
  VkMemoryAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  allocate.allocationSize = requirements.size;
  allocate.memoryTypeIndex = *type;
  device_->check(vk.vkAllocateMemory(handle, &allocate, nullptr, &memory_), "vkAllocateMemory");
  device_->check(vk.vkBindBufferMemory(handle, copy_, memory_, 0), "vkBindBufferMemory");
  void* mapped = nullptr;
  device_->check(vk.vkMapMemory(handle, memory_, 0, VK_WHOLE_SIZE, 0, &mapped), "vkMapMemory");
  mapped_ = mapped;
}

void Timestamps::destroy() noexcept {
  const auto& vk = device_->functions();
  const VkDevice handle = device_->handle();
  if (copy_ != VK_NULL_HANDLE) vk.vkDestroyBuffer(handle, copy_, nullptr);
  if (memory_ != VK_NULL_HANDLE) vk.vkFreeMemory(handle, memory_, nullptr);
  if (queries_ != VK_NULL_HANDLE) vk.vkDestroyQueryPool(handle, queries_, nullptr);
}

void Timestamps::leave() noexcept {
  copy_ = VK_NULL_HANDLE;
  memory_ = VK_NULL_HANDLE;
  queries_ = VK_NULL_HANDLE;
}

void Timestamps::write_start(VkCommandBuffer command_buffer) {
  written_ = queries_ != VK_NULL_HANDLE &&
             (times_ != GpuTimes::sampled || submissions_ % sampling_interval == 0);
  if (!written_) return;
  const auto& vk = device_->functions();
  if (next_ == 0) {
    // All earlier submissions of this slot have ended: none of the queries is in use.
    if (device_->host_query_reset()) {
      vk.vkResetQueryPool(device_->handle(), queries_, 0, query_count);
    } else {
      vk.vkCmdResetQueryPool(command_buffer, queries_, 0, query_count);
    }
  }
  if (!with_start_) return;
  // Bottom of pipe: written once all earlier work has ended. A start written at the top would count
  // the time that this submission spends queued behind the one before.
  vk.vkCmdWriteTimestamp(command_buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_, next_);
}

void Timestamps::write_end(VkCommandBuffer command_buffer) const {
  if (!written_) return;
  const auto& vk = device_->functions();
  const std::uint32_t count = queries_a_use();
  vk.vkCmdWriteTimestamp(command_buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_,
                         next_ + count - 1);
  if (copy_ == VK_NULL_HANDLE) return;
  vk.vkCmdCopyQueryPoolResults(command_buffer, queries_, next_, count, copy_, 0,
                               sizeof(std::uint64_t),
                               VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
  VkMemoryBarrier to_host{};
  to_host.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  to_host.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  to_host.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  vk.vkCmdPipelineBarrier(command_buffer, VK_PIPELINE_STAGE_TRANSFER_BIT,
                          VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0, nullptr, 0, nullptr);
}

void Timestamps::note_submission() noexcept {
  ++submissions_;
  submitted_.reset();
  if (!written_) return;
  submitted_ = next_;
  next_ = (next_ + queries_a_use()) % query_count;
}

void Timestamps::note_refusal() noexcept {
  submitted_.reset();
  // The reset of all queries may have been among what was refused.
  next_ = 0;
}

std::optional<GpuClock::Ticks> Timestamps::read() const {
  if (!submitted_) return std::nullopt;
  std::array<std::uint64_t, 2> ticks{};
  const std::uint32_t count = queries_a_use();
  if (copy_ != VK_NULL_HANDLE) {
    std::memcpy(ticks.data(), mapped_, sizeof(ticks));
  } else {
    const VkResult result = device_->functions().vkGetQueryPoolResults(
        device_->handle(), queries_, *submitted_, count, count * sizeof(ticks[0]), ticks.data(),
        sizeof(ticks[0]), VK_QUERY_RESULT_64_BIT);
    // The work has ended, so its times are there; a driver that thinks otherwise has none.
    if (result == VK_NOT_READY) return std::nullopt;
    device_->check(result, "vkGetQueryPoolResults");
  }
  if (!with_start_) return GpuClock::Ticks{std::nullopt, ticks[0]};
  return GpuClock::Ticks{ticks[0], ticks[1]};
}

}  // namespace cbr::vulkan
