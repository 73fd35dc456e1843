// Recording of dispatches and the barriers between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <cbr/vulkan.h>

#include "compute/buffer.h"
#include "compute/kernel.h"

namespace cbr::vulkan {
struct Functions;
}  // namespace cbr::vulkan

namespace cbr::compute {

/// Records compute work into one command buffer. Holds references only: the device, kernels and
/// buffers must live until the work has ended. Used by one thread at a time. Does not block.
class Recorder {
 public:
  Recorder(const vulkan::Device& device, VkCommandBuffer commands);

  /// Dispatches `groups` of `kernel`. `push` holds exactly its push constants. Throws BackendError
  /// if the device can't dispatch that many, InvalidUsage if the size of `push` is wrong.
  void dispatch(const Kernel& kernel, std::span<const std::byte> push, const GroupCount& groups);

  /// What follows sees what earlier dispatches and copies wrote, in this submission and in earlier
  /// ones of the queue: compute write → compute read and write.
  void barrier();

  /// As `barrier`, for copies to and from buffers on either side as well.
  void barrier_with_copies();

  /// The host sees what the work so far wrote, once it has waited for the submission.
  void barrier_to_host();

  /// Copies `size` bytes. The ranges must lie inside the buffers.
  void copy(const Buffer& from, std::uint64_t from_offset, const Buffer& to,
            std::uint64_t to_offset, std::uint64_t size);

  /// Writes at most 65536 bytes, a multiple of 4, from the host's memory, which is read at once.
  void update(const Buffer& to, std::uint64_t offset, std::span<const std::byte> data);

 private:
  void barrier(VkPipelineStageFlags from, VkAccessFlags written, VkPipelineStageFlags to,
               VkAccessFlags accessed);

  const vulkan::Functions* vk_;
  VkCommandBuffer commands_;
  VkPipeline bound_ = VK_NULL_HANDLE;
};

}  // namespace cbr::compute
