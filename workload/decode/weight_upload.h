// Packs many tensors into few allocations and uploads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <cbr/vulkan.h>

#include "compute/buffer.h"
#include "decode/gpu_weights.h"
#include "decode/quantization.h"

namespace cbr::decode {

/// Collects tensors, then places them all. Drivers allow few allocations (4096 by the standard), so
/// tensors share blocks. Used by one thread; the tensors' bytes and the addresses to fill in must
/// stay where they are until run() returns.
class WeightUpload {
 public:
  /// Bytes of a block, unless one tensor alone takes more.
  static constexpr std::uint64_t default_block_size = std::uint64_t{256} << 20;

  explicit WeightUpload(std::uint64_t block_size = default_block_size) : block_size_(block_size) {}

  /// Adds raw bytes; run() sets `address`, a multiple of 256.
  void add(std::span<const std::byte> bytes, GpuAddress& address);
  /// Adds a vector, as 32-bit floats.
  void add(const DenseVector& vector, GpuAddress& address);
  /// Adds a matrix as it is stored. Its shape is set at once, its addresses by run().
  void add(const QuantizedMatrix& matrix, GpuMatrix& target);

  /// Allocates, uploads and sets the addresses. Returns the blocks. Blocks until all is in place.
  /// `check`, unless null, is called before each item; what it throws comes out. Throws
  /// BackendError if the device can't hold a block, and what the upload failed with.
  [[nodiscard]] std::vector<compute::Buffer> run(std::shared_ptr<vulkan::Device> device,
                                                 const std::function<void()>& check = nullptr);

 private:
  struct Item {
    std::span<const std::byte> bytes;
    GpuAddress* address = nullptr;
    std::size_t block = 0;
    std::uint64_t offset = 0;
  };
  // Sets block and offset of each item. Returns the sizes of the blocks.
  std::vector<std::uint64_t> place_items();

  std::uint64_t block_size_;
  std::vector<Item> items_;
  // Widened vectors; a deque, so that they stay where they are.
  std::deque<std::vector<float>> widened_;
};

}  // namespace cbr::decode
