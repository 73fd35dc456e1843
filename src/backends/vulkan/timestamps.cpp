#include "backends/vulkan/timestamps.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include <cbr/errors.h>

#include "backends/vulkan/memory_type.h"

namespace cbr::vulkan {
namespace {

constexpr VkDeviceSize results_size = 2 * sizeof(std::uint64_t);

}  // namespace

Timestamps::Timestamps(std::shared_ptr<const DeviceImpl> device, QueueIndex queue)
    : device_(std::move(device)), bits_(device_->timestamp_bits(queue)) {
  if (bits_ == 0) return;
  try {
    VkQueryPoolCreateInfo queries{};
    queries.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO;
    queries.queryType = VK_QUERY_TYPE_TIMESTAMP;
    queries.queryCount = 2;
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
      find_memory_type(*device_, requirements.memoryTypeBits,
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

void Timestamps::write_start(VkCommandBuffer command_buffer) const {
  if (queries_ == VK_NULL_HANDLE) return;
  const auto& vk = device_->functions();
  // From the host where that is possible: on an H200, a reset by the GPU adds 3 µs to the gap
  // between two submissions.
  if (device_->host_query_reset()) {
    vk.vkResetQueryPool(device_->handle(), queries_, 0, 2);
  } else {
    vk.vkCmdResetQueryPool(command_buffer, queries_, 0, 2);
  }
  // Bottom of pipe: written once all earlier work has ended. A start written at the top would count
  // the time that this submission spends queued behind the one before.
  vk.vkCmdWriteTimestamp(command_buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_, 0);
}

void Timestamps::write_end(VkCommandBuffer command_buffer) const {
  if (queries_ == VK_NULL_HANDLE) return;
  const auto& vk = device_->functions();
  vk.vkCmdWriteTimestamp(command_buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, queries_, 1);
  if (copy_ == VK_NULL_HANDLE) return;
  vk.vkCmdCopyQueryPoolResults(command_buffer, queries_, 0, 2, copy_, 0, sizeof(std::uint64_t),
                               VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
  VkMemoryBarrier to_host{};
  to_host.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  to_host.srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT;
  to_host.dstAccessMask = VK_ACCESS_HOST_READ_BIT;
  vk.vkCmdPipelineBarrier(command_buffer, VK_PIPELINE_STAGE_TRANSFER_BIT,
                          VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &to_host, 0, nullptr, 0, nullptr);
}

std::optional<GpuInterval> Timestamps::read() const {
  if (queries_ == VK_NULL_HANDLE) return std::nullopt;
  std::array<std::uint64_t, 2> ticks{};
  if (copy_ != VK_NULL_HANDLE) {
    std::memcpy(ticks.data(), mapped_, sizeof(ticks));
  } else {
    const VkResult result = device_->functions().vkGetQueryPoolResults(
        device_->handle(), queries_, 0, 2, sizeof(ticks), ticks.data(), sizeof(ticks[0]),
        VK_QUERY_RESULT_64_BIT);
    if (result == VK_NOT_READY) return std::nullopt;
    device_->check(result, "vkGetQueryPoolResults");
  }
  // A tick is often 1 ns and its count larger than a double holds exactly: the whole part of the
  // period is multiplied as an integer.
  const double whole = std::floor(device_->timestamp_period());
  const double rest = device_->timestamp_period() - whole;
  const auto to_time = [&](std::uint64_t value) {
    return std::chrono::nanoseconds(
        static_cast<std::int64_t>(value * static_cast<std::uint64_t>(whole)) +
        std::llround(static_cast<double>(value) * rest));
  };
  // A counter of fewer than 64 bits wraps; the length of one submission stays right even so.
  const std::uint64_t mask = bits_ >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits_) - 1;
  const auto start = to_time(ticks[0] & mask);
  return GpuInterval{start, start + to_time((ticks[1] - ticks[0]) & mask)};
}

}  // namespace cbr::vulkan
