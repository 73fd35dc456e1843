#include "compute/host_memory.h"

#include <bit>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "backends/vulkan/functions.h"
#include "backends/vulkan/memory_type.h"
#include "backends/vulkan/result.h"
#include "compute/limits.h"

namespace cbr::compute {

/// The whole pages that some bytes lie on.
struct Pages {
  std::byte* begin;
  std::uint64_t size;
  /// From `begin` to the first of the bytes.
  std::uint64_t offset;
};

namespace {

constexpr VkExternalMemoryHandleTypeFlagBits host_allocation =
    VK_EXTERNAL_MEMORY_HANDLE_TYPE_HOST_ALLOCATION_BIT_EXT;

Pages pages_round(std::span<std::byte> bytes, std::uint64_t unit) {
  const std::uint64_t offset = reinterpret_cast<std::uintptr_t>(bytes.data()) % unit;
  const std::uint64_t end = offset + bytes.size();
  return {.begin = bytes.data() - offset, .size = (end + unit - 1) / unit * unit, .offset = offset};
}

/// Why memory can't be taken, whatever the driver says of it; empty if nothing speaks against it.
std::string refusal_of(const vulkan::Device& device, std::span<std::byte> bytes,
                       const DeviceLimits& limits) {
  const std::string& name = device.info().name;
  if (!device.info().external_memory_host) {
    return fmt::format("device \"{}\" lacks VK_EXT_external_memory_host, or was wrapped without it",
                       name);
  }
  const auto address = reinterpret_cast<std::uintptr_t>(bytes.data());
  if (const std::uint64_t past = address % Buffer::alignment; past != 0) {
    return fmt::format(
        "the memory begins {} bytes past a multiple of {}, which a buffer's address has to be",
        past, Buffer::alignment);
  }
  const std::uint64_t unit = limits.host_memory_alignment;
  if (!std::has_single_bit(unit)) {
    return fmt::format("device \"{}\" takes memory in pieces of {} bytes, which is no power of 2",
                       name, unit);
  }
  // The rest of a page is there where a byte of it is; what is round that need not be.
  const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  if (unit > page && (address % unit != 0 || bytes.size() % unit != 0)) {
    return fmt::format(
        "the memory begins {} bytes past a multiple of {} and has {} bytes; device \"{}\" takes "
        "whole pieces of {}, more than a page of {}",
        address % unit, unit, bytes.size(), name, unit, page);
  }
  const std::uint64_t size = pages_round(bytes, unit).size;
  if (size > limits.max_allocation_size) {
    return fmt::format("the memory's pages have {} bytes; device \"{}\" takes {} at most", size,
                       name, limits.max_allocation_size);
  }
  return {};
}

bool imports_buffers(const vulkan::Device& device) {
  VkPhysicalDeviceExternalBufferInfo info{};
  info.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_BUFFER_INFO;
  info.usage = Buffer::usage;
  info.handleType = host_allocation;
  VkExternalBufferProperties properties{};
  properties.sType = VK_STRUCTURE_TYPE_EXTERNAL_BUFFER_PROPERTIES;
  vulkan::functions_of(device).vkGetPhysicalDeviceExternalBufferProperties(device.physical_device(),
                                                                           &info, &properties);
  const VkExternalMemoryFeatureFlags features =
      properties.externalMemoryProperties.externalMemoryFeatures;
  return (features & VK_EXTERNAL_MEMORY_FEATURE_IMPORTABLE_BIT) != 0 &&
         (features & VK_EXTERNAL_MEMORY_FEATURE_DEDICATED_ONLY_BIT) == 0;
}

/// The driver's answer as a refusal; empty on success. A loss is no matter of this memory.
std::string refusal_of(VkResult result, const char* call, const Pages& pages) {
  if (result == VK_SUCCESS) return {};
  if (result == VK_ERROR_DEVICE_LOST) vulkan::check(result, call);
  return fmt::format("{} answers {} for {} bytes of pages of the host's", call,
                     vulkan::result_name(result), pages.size);
}

}  // namespace

/// What makes a Buffer on memory that is there already.
class HostMemoryImport {
 public:
  HostMemoryImport(std::shared_ptr<vulkan::Device> device, HostMemory memory, const Pages& pages)
      : device_(*device), vk_(vulkan::functions_of(*device)), pages_(pages) {
    buffer_.device_ = std::move(device);
    buffer_.owner_ = std::move(memory.owner);
    buffer_.mapped_ = memory.bytes.data();
    buffer_.size_ = memory.bytes.size();
    buffer_.offset_ = pages.offset;
  }

  SharedBuffer make() {
    // The buffer goes from the first page on, for the place of an array in its page is none that a
    // buffer may be bound at: NumPy's large ones begin 16 bytes into theirs, llvmpipe asks for 64.
    VkExternalMemoryBufferCreateInfo external{};
    external.sType = VK_STRUCTURE_TYPE_EXTERNAL_MEMORY_BUFFER_CREATE_INFO;
    external.handleTypes = host_allocation;
    const VkMemoryRequirements requirements =
        buffer_.create(pages_.offset + buffer_.size_, &external);
    std::string refusal = import_pages(requirements);
    if (!refusal.empty()) return {.buffer = {}, .refusal = std::move(refusal)};
    buffer_.bind();
    return {.buffer = std::move(buffer_), .refusal = {}};
  }

 private:
  std::string import_pages(const VkMemoryRequirements& requirements) {
    if (requirements.size > pages_.size) {
      return fmt::format("device \"{}\" needs {} bytes for the buffer, the memory's pages have {}",
                         device_.info().name, requirements.size, pages_.size);
    }
    VkMemoryHostPointerPropertiesEXT properties{};
    properties.sType = VK_STRUCTURE_TYPE_MEMORY_HOST_POINTER_PROPERTIES_EXT;
    const VkResult result = vk_.vkGetMemoryHostPointerPropertiesEXT(
        device_.handle(), host_allocation, pages_.begin, &properties);
    if (auto refusal = refusal_of(result, "vkGetMemoryHostPointerPropertiesEXT", pages_);
        !refusal.empty()) {
      return refusal;
    }
    const auto type = coherent_type(requirements.memoryTypeBits & properties.memoryTypeBits);
    if (!type) {
      return fmt::format(
          "device \"{}\" has no coherent memory type for the memory and a buffer: types {:#x} "
          "take the memory, {:#x} the buffer",
          device_.info().name, properties.memoryTypeBits, requirements.memoryTypeBits);
    }
    VkImportMemoryHostPointerInfoEXT import{};
    import.sType = VK_STRUCTURE_TYPE_IMPORT_MEMORY_HOST_POINTER_INFO_EXT;
    import.handleType = host_allocation;
    import.pHostPointer = pages_.begin;
    return refusal_of(buffer_.allocate(pages_.size, *type, &import), "vkAllocateMemory", pages_);
  }

  /// Without coherence the program would have to flush the array, which it knows nothing of.
  [[nodiscard]] std::optional<std::uint32_t> coherent_type(std::uint32_t allowed) const {
    return vulkan::find_memory_type(
        vk_, device_.physical_device(), allowed,
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT);
  }

  const vulkan::Device& device_;
  const vulkan::Functions& vk_;
  const Pages pages_;
  Buffer buffer_;
};

SharedBuffer share_host_memory(const std::shared_ptr<vulkan::Device>& device, HostMemory memory) {
  const DeviceLimits limits = read_limits(*device);
  std::string refusal = refusal_of(*device, memory.bytes, limits);
  if (refusal.empty() && !imports_buffers(*device)) {
    refusal = fmt::format("device \"{}\" imports no memory of the host's into buffers of this use",
                          device->info().name);
  }
  if (!refusal.empty()) return {.buffer = {}, .refusal = std::move(refusal)};
  const Pages pages = pages_round(memory.bytes, limits.host_memory_alignment);
  return HostMemoryImport(device, std::move(memory), pages).make();
}

}  // namespace cbr::compute
