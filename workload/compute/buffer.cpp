#include "compute/buffer.h"

#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "backends/vulkan/functions.h"
#include "backends/vulkan/memory_type.h"
#include "backends/vulkan/result.h"
#include "compute/limits.h"

namespace cbr::compute {
namespace {

void require_buffer_device_address(const vulkan::Device& device) {
  if (device.info().buffer_device_address) return;
  throw BackendError(fmt::format(
      "device \"{}\" lacks the feature bufferDeviceAddress, by which the kernels find their data",
      device.info().name));
}

// The memory types worth having, best first.
std::array<VkMemoryPropertyFlags, 3> preferences(Placement placement) {
  if (placement == Placement::device_local) return {VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0, 0};
  constexpr VkMemoryPropertyFlags coherent =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  // Uncached memory is slow for the host to read.
  return {coherent | VK_MEMORY_PROPERTY_HOST_CACHED_BIT, coherent, coherent};
}

std::optional<std::uint32_t> best_memory_type(const vulkan::Device& device,
                                              std::uint32_t allowed_types, Placement placement) {
  for (const VkMemoryPropertyFlags wanted : preferences(placement)) {
    if (const auto type = vulkan::find_memory_type(
            vulkan::functions_of(device), device.physical_device(), allowed_types, wanted)) {
      return type;
    }
  }
  return std::nullopt;
}

}  // namespace

Buffer::Buffer(std::shared_ptr<vulkan::Device> device, std::uint64_t size, Placement placement)
    : device_(std::move(device)), size_(size) {
  require_within("the size of a buffer in bytes", size_, read_limits(*device_).max_allocation_size);
  try {
    allocate(placement);
  } catch (...) {
    release();
    throw;
  }
}

VkMemoryRequirements Buffer::create(std::uint64_t size, const void* next) {
  require_buffer_device_address(*device_);
  const vulkan::Functions& vk = vulkan::functions_of(*device_);
  VkBufferCreateInfo create{};
  create.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO;
  create.pNext = next;
  create.size = size;
  create.usage = usage;
  create.sharingMode = VK_SHARING_MODE_EXCLUSIVE;
  vulkan::check(vk.vkCreateBuffer(device_->handle(), &create, nullptr, &buffer_), "vkCreateBuffer");
  VkMemoryRequirements requirements{};
  vk.vkGetBufferMemoryRequirements(device_->handle(), buffer_, &requirements);
  return requirements;
}

VkResult Buffer::allocate(std::uint64_t size, std::uint32_t type, const void* next) {
  VkMemoryAllocateFlagsInfo flags{};
  flags.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_FLAGS_INFO;
  flags.pNext = next;
  flags.flags = VK_MEMORY_ALLOCATE_DEVICE_ADDRESS_BIT;
  VkMemoryAllocateInfo allocate{};
  allocate.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
  allocate.pNext = &flags;
  allocate.allocationSize = size;
  allocate.memoryTypeIndex = type;
  return vulkan::functions_of(*device_).vkAllocateMemory(device_->handle(), &allocate, nullptr,
                                                         &memory_);
}

void Buffer::bind() {
  const vulkan::Functions& vk = vulkan::functions_of(*device_);
  vulkan::check(vk.vkBindBufferMemory(device_->handle(), buffer_, memory_, 0),
                "vkBindBufferMemory");
  VkBufferDeviceAddressInfo address{};
  address.sType = VK_STRUCTURE_TYPE_BUFFER_DEVICE_ADDRESS_INFO;
  address.buffer = buffer_;
  address_ = vk.vkGetBufferDeviceAddress(device_->handle(), &address) + offset_;
}

void Buffer::allocate(Placement placement) {
  const VkMemoryRequirements requirements = create(size_, nullptr);
  const auto type = best_memory_type(*device_, requirements.memoryTypeBits, placement);
  if (!type) {
    throw BackendError(
        fmt::format("device \"{}\" has no {} memory for a buffer of {} bytes", device_->info().name,
                    placement == Placement::host_visible ? "host-visible" : "usable", size_));
  }
  vulkan::check(allocate(requirements.size, *type, nullptr), "vkAllocateMemory");
  bind();
  if (placement == Placement::host_visible) {
    void* mapped = nullptr;
    vulkan::check(vulkan::functions_of(*device_).vkMapMemory(device_->handle(), memory_, 0,
                                                             VK_WHOLE_SIZE, 0, &mapped),
                  "vkMapMemory");
    mapped_ = static_cast<std::byte*>(mapped);
  }
}

void Buffer::release() noexcept {
  if (device_ == nullptr) return;
  if (device_->same_process()) {
    const vulkan::Functions& vk = vulkan::functions_of(*device_);
    vk.vkDestroyBuffer(device_->handle(), buffer_, nullptr);
    // Unmaps too.
    vk.vkFreeMemory(device_->handle(), memory_, nullptr);
  }
  buffer_ = VK_NULL_HANDLE;
  memory_ = VK_NULL_HANDLE;
  mapped_ = nullptr;
  size_ = 0;
  offset_ = 0;
  address_ = 0;
  device_.reset();
  // Last: the driver may use the host's memory until it is freed.
  owner_.reset();
}

Buffer::Buffer(Buffer&& other) noexcept {
  *this = std::move(other);
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  release();
  device_ = std::move(other.device_);
  buffer_ = std::exchange(other.buffer_, VK_NULL_HANDLE);
  memory_ = std::exchange(other.memory_, VK_NULL_HANDLE);
  size_ = std::exchange(other.size_, 0);
  offset_ = std::exchange(other.offset_, 0);
  address_ = std::exchange(other.address_, 0);
  mapped_ = std::exchange(other.mapped_, nullptr);
  owner_ = std::move(other.owner_);
  return *this;
}

Buffer::~Buffer() {
  release();
}

}  // namespace cbr::compute
