// The host's own memory as a buffer of the GPU, without a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <cbr/vulkan.h>

#include "compute/buffer.h"

namespace cbr::compute {

/// Bytes that the program has, and what keeps them.
struct HostMemory {
  std::span<std::byte> bytes;
  /// Let go of once the buffer's memory is freed, on the thread that frees it.
  std::shared_ptr<const void> owner;
};

/// A buffer on the host's memory, or why there is none.
struct SharedBuffer {
  Buffer buffer;
  /// What the memory or the device lacks, with value and limit; empty where there is a buffer.
  std::string refusal;
};

/// Makes the host's memory a host-visible buffer (VK_EXT_external_memory_host): what the GPU writes
/// is in `memory` after a barrier to the host stage and a wait, and what the host writes before a
/// submission is there for it. The pages that the bytes lie on are imported; the buffer ends where
/// the bytes do.
///
/// Refuses memory that doesn't begin at a multiple of Buffer::alignment, a device without the
/// extension, and what that can't import coherently: a copy is the way out of all of these. Blocks
/// while the driver takes the pages over. Throws BackendError if the device lacks buffer device
/// addresses, DeviceLost. `memory` has at least 1 byte.
[[nodiscard]] SharedBuffer share_host_memory(const std::shared_ptr<vulkan::Device>& device,
                                             HostMemory memory);

}  // namespace cbr::compute
