// Token generation with a Qwen2 model: the ring's real workload.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "decode/decode_result.h"
#include "decode/gpu_model.h"
#include "decode/kernel_set.h"
#include "decode/model_directory.h"
#include "decode/step_commands.h"
#include "decode/workspace.h"

namespace cbr::decode {

/// A model on a GPU, with room for one sequence.
///
/// Each token is one submission of a ring. The GPU keeps token and position itself, so the host
/// encodes step n + 1 while the GPU runs step n, and reads the tokens as the steps end. The tokens
/// do not depend on the ring's size: step n + 1 waits on the GPU for step n whatever the host does.
///
/// One decode() at a time; the ring may serve others meanwhile. Owns its GPU memory and shares the
/// device.
class Decoder {
 public:
  /// Uploads the model and compiles the kernels; blocks until both are done. `context_capacity` is
  /// the number of positions, from 1 to the model's max_position_embeddings, which takes GPU
  /// memory. `check`, unless null, is called again and again while the model is uploaded; what it
  /// throws ends that and comes out. Throws InputError if the capacity lies outside, or the model
  /// is one that the kernels can't run; BackendError if the device can't hold or run the model.
  Decoder(std::shared_ptr<vulkan::Device> device, const ModelDirectory& model,
          std::uint32_t context_capacity, const std::function<void()>& check = nullptr);
  /// The same from the model's parts, whose bytes are not needed afterwards.
  Decoder(std::shared_ptr<vulkan::Device> device, const ModelConfig& config,
          const QwenWeights& weights, std::uint32_t context_capacity,
          const std::function<void()>& check = nullptr);

  /// Generates greedily after `prompt`. Blocks until the end is reached and no step of this call is
  /// in flight. Where the context holds the prompt alone, one token still comes out: the last token
  /// needs no position.
  ///
  /// `ring` belongs to this decoder's device. `on_token` may be empty; `stop` may be null, and may
  /// be set by any thread.
  ///
  /// Throws InputError if the prompt is empty, longer than the context or holds a token outside the
  /// vocabulary, InvalidOption if max_tokens is 0, what acquire() and a failed submission throw,
  /// and what `on_token` throws; in each case nothing is left in flight, and decode() may be called
  /// again unless the device is lost.
  DecodeResult decode(CommandBufferRing& ring, std::span<const TokenId> prompt,
                      const DecodeOptions& options, const TokenCallback& on_token = {},
                      const std::atomic<bool>* stop = nullptr);

  [[nodiscard]] const ModelConfig& config() const noexcept { return model_.config(); }
  /// Positions.
  [[nodiscard]] std::uint32_t context_capacity() const noexcept;
  /// GPU memory of the weights, in bytes.
  [[nodiscard]] std::uint64_t weight_byte_size() const noexcept { return model_.byte_size(); }
  /// GPU memory of caches and activations, in bytes.
  [[nodiscard]] std::uint64_t workspace_byte_size() const noexcept {
    return workspace_.byte_size();
  }
  /// Dispatches of a step that chooses a token.
  [[nodiscard]] std::size_t dispatches_per_token() const noexcept { return choose_step_.size(); }

  /// The logits of the last step that chose a token, [vocabulary]. Not during decode(). Blocks.
  [[nodiscard]] std::vector<float> last_logits() const;

 private:
  friend class Generation;
  // Records the step that runs at `position`.
  void record_step(VkCommandBuffer commands, std::uint32_t position,
                   std::span<const TokenId> prompt) const;

  std::shared_ptr<vulkan::Device> device_;
  GpuModel model_;
  Workspace workspace_;
  KernelSet kernels_;
  StepCommands prompt_step_;
  StepCommands choose_step_;
};

}  // namespace cbr::decode
