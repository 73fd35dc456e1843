// GPU memory that kernels reach by its address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <cbr/vulkan.h>

namespace cbr::compute {

/// Where a buffer lives.
enum class Placement : std::uint8_t {
  /// Fast for the GPU; the host may be unable to reach it.
  device_local,
  /// Mapped for the host as long as the buffer lives. Host and device see each other's writes
  /// without
  /// flushing, but not without a barrier to the host stage and a wait.
  host_visible,
};

/// One allocation with one buffer on it, usable as storage by address and for copies both ways.
///
/// Owns the memory, or keeps its owner where it is the host's (share_host_memory()), and shares the
/// device. The work that uses the buffer must have ended when it is
/// destroyed. The content of fresh memory is undefined. Const functions may be called by any
/// thread.
class Buffer {
 public:
  /// What an address is a multiple of, in bytes.
  static constexpr std::uint64_t alignment = 16;
  /// What a buffer may be used for.
  static constexpr VkBufferUsageFlags usage =
      VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
      VK_BUFFER_USAGE_TRANSFER_DST_BIT | VK_BUFFER_USAGE_SHADER_DEVICE_ADDRESS_BIT;

  /// Holds nothing; size() is 0.
  Buffer() noexcept = default;
  /// Allocates `size` bytes, at least 1. Throws BackendError if the device lacks buffer device
  /// addresses, if `size` exceeds its limit, or if memory is short.
  Buffer(std::shared_ptr<vulkan::Device> device, std::uint64_t size, Placement placement);
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer();

  /// Bytes.
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] VkBuffer handle() const noexcept { return buffer_; }
  /// Where the first byte is in handle(): 0, but for memory of the host's.
  [[nodiscard]] std::uint64_t offset() const noexcept { return offset_; }
  /// Where kernels find the first byte; a multiple of `alignment`.
  [[nodiscard]] std::uint64_t address() const noexcept { return address_; }
  /// The mapped bytes; empty for a device-local buffer.
  [[nodiscard]] std::span<std::byte> bytes() const noexcept {
    return {mapped_, mapped_ == nullptr ? 0 : static_cast<std::size_t>(size_)};
  }

 private:
  friend class HostMemoryImport;

  void allocate(Placement placement);
  /// Makes the VkBuffer, without memory. `next` goes on the end of what Vulkan is told, as below.
  [[nodiscard]] VkMemoryRequirements create(std::uint64_t size, const void* next);
  [[nodiscard]] VkResult allocate(std::uint64_t size, std::uint32_t type, const void* next);
  /// Puts the buffer on the memory and asks for the address.
  void bind();
  void release() noexcept;

  std::shared_ptr<vulkan::Device> device_;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t address_ = 0;
  std::byte* mapped_ = nullptr;
  /// Keeps memory that is the host's.
  std::shared_ptr<const void> owner_;
};

}  // namespace cbr::compute
