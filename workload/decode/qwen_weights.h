// The weights of a Qwen2 model by the part they play.
#pragma once

#include <vector>

#include "decode/model_config.h"
#include "decode/quantization.h"
#include "decode/tensor_shards.h"

namespace cbr::decode {

/// One transformer layer. A matrix is [outputs, inputs].
struct QwenLayer {
  DenseVector input_layernorm;           ///< [hidden]
  QuantizedMatrix q;                     ///< [heads × head_dim, hidden]
  QuantizedMatrix k;                     ///< [kv heads × head_dim, hidden]
  QuantizedMatrix v;                     ///< [kv heads × head_dim, hidden]
  DenseVector q_bias;                    ///< [heads × head_dim]
  DenseVector k_bias;                    ///< [kv heads × head_dim]
  DenseVector v_bias;                    ///< [kv heads × head_dim]
  QuantizedMatrix o;                     ///< [hidden, heads × head_dim]
  DenseVector post_attention_layernorm;  ///< [hidden]
  QuantizedMatrix gate;                  ///< [intermediate, hidden]
  QuantizedMatrix up;                    ///< [intermediate, hidden]
  QuantizedMatrix down;                  ///< [hidden, intermediate]
};

/// All weights of a model. The bytes belong to the TensorShards they came from.
struct QwenWeights {
  QuantizedMatrix embedding;  ///< [vocabulary, hidden]
  std::vector<QwenLayer> layers;
  DenseVector norm;      ///< [hidden]
  QuantizedMatrix head;  ///< [vocabulary, hidden]; the embedding itself where the two are tied
};

/// Finds every weight that `config` calls for. Other tensors are left alone.
/// Throws InputError naming the file, the tensor, what was found and what was expected.
[[nodiscard]] QwenWeights find_qwen_weights(const TensorShards& shards, const ModelConfig& config);

}  // namespace cbr::decode
