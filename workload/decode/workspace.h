// The GPU memory that decoding works in, besides the weights.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <cbr/vulkan.h>

#include "compute/buffer.h"
#include "decode/kernel_parameters.h"
#include "decode/model_config.h"
#include "decode/token_id.h"

namespace cbr::decode {

/// Where the parts of a workspace lie. Numbers are 32-bit floats where nothing else is said.
struct WorkspaceAddresses {
  GpuAddress state = 0;                  ///< a StepState
  GpuAddress prompt = 0;                 ///< tokens [capacity]
  GpuAddress outputs = 0;                ///< tokens [capacity]: the choice made at each position
  GpuAddress rotations = 0;              ///< [capacity][head_dim / 2][2]: cosine and sine
  GpuAddress hidden = 0;                 ///< [hidden]: what runs from layer to layer
  GpuAddress normed = 0;                 ///< [hidden]
  GpuAddress query = 0;                  ///< [query size]
  GpuAddress key = 0;                    ///< [key size]
  GpuAddress value = 0;                  ///< [key size]
  GpuAddress attended = 0;               ///< [query size]
  GpuAddress gate = 0;                   ///< [intermediate]
  GpuAddress up = 0;                     ///< [intermediate]
  GpuAddress logits = 0;                 ///< [vocabulary]
  GpuAddress partials = 0;               ///< [groups of find_best][2]
  std::vector<GpuAddress> key_caches;    ///< for each layer, [kv heads][head_dim][capacity]
  std::vector<GpuAddress> value_caches;  ///< for each layer, [kv heads][capacity][head_dim]
  std::uint32_t capacity = 0;            ///< positions
};

/// Activations, caches and the tokens of one sequence. Owns its memory and shares the device; work
/// that uses it must have ended when it is destroyed.
class Workspace {
 public:
  /// Allocates, and uploads the table of rotations. Blocks until it is in place. Throws
  /// BackendError if the device can't hold it, and what the upload failed with.
  Workspace(const std::shared_ptr<vulkan::Device>& device, const ModelConfig& config,
            std::uint32_t capacity);

  [[nodiscard]] const WorkspaceAddresses& addresses() const noexcept { return addresses_; }
  /// Holds the StepState, from its first byte on.
  [[nodiscard]] const compute::Buffer& state() const noexcept { return state_; }
  /// Holds the logits, and nothing else.
  [[nodiscard]] const compute::Buffer& logits() const noexcept { return logits_; }
  /// The prompt's tokens; written by the host while no step is in flight.
  [[nodiscard]] std::span<TokenId> prompt() const noexcept;
  /// The choices at each position; the GPU writes an element in the step of that position.
  [[nodiscard]] std::span<const TokenId> outputs() const noexcept;
  /// GPU memory in bytes.
  [[nodiscard]] std::uint64_t byte_size() const noexcept;

 private:
  void upload_rotations(const std::shared_ptr<vulkan::Device>& device, const ModelConfig& config);

  WorkspaceAddresses addresses_;
  compute::Buffer state_;
  compute::Buffer prompt_;
  compute::Buffer outputs_;
  compute::Buffer rotations_;
  compute::Buffer activations_;
  compute::Buffer logits_;
  // One for each layer, because all together may exceed what a device allocates at once.
  std::vector<compute::Buffer> key_caches_;
  std::vector<compute::Buffer> value_caches_;
};

/// The table for rotary positions: for each position and pair of dimensions i and i + head_dim / 2,
/// cosine and sine of position / theta^(2i / head_dim). Computed in double.
[[nodiscard]] std::vector<float> make_rotations(const ModelConfig& config, std::uint32_t capacity);

}  // namespace cbr::decode
