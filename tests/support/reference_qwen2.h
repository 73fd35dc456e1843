// A plain float32 forward pass of Qwen2 on the CPU: what the kernels are checked against.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "decode/model_directory.h"
#include "decode/token_id.h"

namespace cbr::test {

/// A dequantised matrix, row-major.
struct FloatMatrix {
  std::uint32_t rows = 0;
  std::uint32_t cols = 0;
  std::vector<float> values;
};

/// Runs one sequence, token by token. It copies the weights and so outlives the directory.
class ReferenceQwen2 {
 public:
  explicit ReferenceQwen2(const decode::ModelDirectory& model);

  /// Appends a token to the sequence and returns the logits of the next, one a vocabulary row.
  /// Throws InvalidUsage for a token past the vocabulary.
  [[nodiscard]] std::vector<float> step(decode::TokenId token);

  /// How many tokens the sequence has.
  [[nodiscard]] std::uint32_t position() const { return position_; }

 private:
  struct Layer {
    std::vector<float> input_layernorm;
    FloatMatrix q, k, v, o;
    std::vector<float> q_bias, k_bias, v_bias;
    std::vector<float> post_attention_layernorm;
    FloatMatrix gate, up, down;
    std::vector<float> keys;    // [positions, kv heads × head_dim], rotated
    std::vector<float> values;  // [positions, kv heads × head_dim]
  };

  [[nodiscard]] std::vector<float> attention(Layer& layer, const std::vector<float>& input) const;
  [[nodiscard]] std::vector<float> feed_forward(const Layer& layer,
                                                const std::vector<float>& input) const;
  [[nodiscard]] std::vector<float> normalize(const std::vector<float>& input,
                                             const std::vector<float>& weight) const;
  void rotate(std::vector<float>& heads) const;

  decode::ModelConfig config_;
  FloatMatrix embedding_;
  FloatMatrix head_;
  std::vector<float> norm_;
  std::vector<Layer> layers_;
  std::uint32_t position_ = 0;
};

/// The index of the largest logit; of equal ones the lowest.
[[nodiscard]] decode::TokenId find_best(std::span<const float> logits);

}  // namespace cbr::test
