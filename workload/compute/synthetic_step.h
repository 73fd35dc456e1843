// The benchmark's synthetic workload.
#pragma once

#include <cstdint>
#include <memory>

#include <cbr/vulkan.h>

#include "compute/buffer.h"
#include "compute/kernel.h"

namespace cbr::compute {

/// The size of a synthetic step. All three are at least 1.
struct SyntheticShape {
  /// Dispatches of a step, each dependent on the one before.
  std::uint32_t dispatches = 256;
  /// Elements of four floats that each dispatch works on.
  std::uint32_t elements = 16384;
  /// Multiply-adds that each float takes in a dispatch.
  std::uint32_t iterations = 16;
};

/// A step of dependent dispatches over data of its own: each waits for the writes of the one
/// before, and the first for those of the step before.
///
/// Owns its data. The steps submitted must have ended when it is destroyed. record() may be called
/// by several threads at once, for different command buffers.
class SyntheticStep {
 public:
  /// Allocates and fills the data, and blocks until it is in place. Throws InvalidOption if a
  /// number is 0, BackendError if the device can't hold or dispatch that many elements.
  SyntheticStep(std::shared_ptr<vulkan::Device> device, const SyntheticShape& shape);

  /// Records one step. Does not block.
  void record(VkCommandBuffer commands) const;

  /// Sets the data back to what it was at first. No step may be in flight. Blocks.
  void reset();

  /// A hash of the data's bytes (FNV-1a, 64 bits): equal after the same number of steps on the same
  /// device. No step may be in flight. Blocks.
  [[nodiscard]] std::uint64_t checksum() const;

  /// True if every float is finite. No step may be in flight. Blocks.
  [[nodiscard]] bool is_finite() const;

  [[nodiscard]] const SyntheticShape& shape() const noexcept { return shape_; }

 private:
  std::shared_ptr<vulkan::Device> device_;
  SyntheticShape shape_;
  Buffer data_;
  Kernel kernel_;
  GroupCount groups_;
};

}  // namespace cbr::compute
