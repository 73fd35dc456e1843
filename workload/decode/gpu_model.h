// A model's weights in GPU memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <cbr/vulkan.h>

#include "compute/buffer.h"
#include "decode/gpu_weights.h"
#include "decode/model_config.h"
#include "decode/qwen_weights.h"

namespace cbr::decode {

/// The weights of one model, uploaded: quantised matrices as their files store them, vectors
/// widened to 32-bit floats. Immutable. Owns its memory and shares the device; work that reads the
/// weights must have ended when it is destroyed. Const functions may be called by any thread.
class GpuModel {
 public:
  /// Uploads `weights`, whose bytes are not needed afterwards. Blocks until they are in place.
  /// `check`, unless null, is called before each tensor; what it throws ends the upload and comes
  /// out. Throws BackendError if the device can't hold them, and what the upload failed with.
  GpuModel(std::shared_ptr<vulkan::Device> device, ModelConfig config, const QwenWeights& weights,
           const std::function<void()>& check = nullptr);

  [[nodiscard]] const ModelConfig& config() const noexcept { return config_; }
  [[nodiscard]] const GpuWeights& weights() const noexcept { return weights_; }
  /// GPU memory that the weights take, in bytes.
  [[nodiscard]] std::uint64_t byte_size() const noexcept { return byte_size_; }

 private:
  ModelConfig config_;
  GpuWeights weights_;
  std::vector<compute::Buffer> blocks_;
  std::uint64_t byte_size_ = 0;
};

}  // namespace cbr::decode
