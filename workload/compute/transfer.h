// Moving data between the host and device-local buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "compute/buffer.h"

namespace cbr::compute {

/// Copies host data into device-local buffers through staging memory. It is a ring's user itself:
/// the host fills the staging memory of one slot while the GPU copies from the others.
///
/// No other work may use a target between write() and finish(). Used by one thread at a time.
class Uploader {
 public:
  /// Bytes of staging memory per slot.
  static constexpr std::uint64_t default_chunk_size = std::uint64_t{4} << 20;

  /// Throws BackendError if staging memory can't be had.
  explicit Uploader(std::shared_ptr<vulkan::Device> device,
                    std::uint64_t chunk_size = default_chunk_size);

  /// Copies `data` to `target` from byte `offset` on. Returns once `data` has been read, which may
  /// block until the GPU has copied earlier chunks; the copy goes on. Throws InvalidUsage if the
  /// range lies outside the target, and what a submission failed with.
  void write(const Buffer& target, std::uint64_t offset, std::span<const std::byte> data);

  /// Blocks until all that was written is in place for the submissions that follow. Throws what a
  /// copy failed with.
  void finish();

 private:
  void write_chunk(const Buffer& target, std::uint64_t offset, std::span<const std::byte> data);

  std::shared_ptr<vulkan::Device> device_;
  std::uint64_t chunk_size_;
  Buffer staging_;
  // After the staging memory, so that the ring waits for the copies before the memory goes.
  CommandBufferRing ring_;
  // The last submission of each slot.
  std::vector<Ticket> tickets_;
};

/// Reads `size` bytes of `source` from byte `offset` on. Blocks until they are here: it is for
/// tests, checksums and other work off the fast path. Sees what earlier submissions wrote. Throws
/// InvalidUsage if the range lies outside the source, BackendError, and what the copy failed with.
[[nodiscard]] std::vector<std::byte> download(const std::shared_ptr<vulkan::Device>& device,
                                              const Buffer& source, std::uint64_t offset,
                                              std::uint64_t size);

}  // namespace cbr::compute
