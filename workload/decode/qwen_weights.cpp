#include "decode/qwen_weights.h"

#include <string>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "text/printable.h"

namespace cbr::decode {
namespace {

[[noreturn]] void fail(const LocatedTensor& found, const std::string& problem) {
  throw InputError(fmt::format("{}: tensor {}: {}", text::printable_path(found.file->path()),
                               text::in_quotes(found.tensor->name), problem));
}

void check_shape(const LocatedTensor& found, const std::vector<std::uint64_t>& expected) {
  if (found.tensor->shape == expected) return;
  fail(found, fmt::format("has shape {}; the configuration expects {}",
                          describe_shape(found.tensor->shape), describe_shape(expected)));
}

bool is_16_bit_float(Dtype dtype) {
  return dtype == Dtype::f16 || dtype == Dtype::bf16;
}

class Finder {
 public:
  Finder(const TensorShards& shards, const ModelConfig& config)
      : shards_(shards), config_(config) {}

  [[nodiscard]] DenseVector vector(const std::string& name, std::uint32_t size) const {
    const LocatedTensor found = shards_.at(name);
    const Dtype dtype = found.tensor->dtype;
    if (!is_16_bit_float(dtype) && dtype != Dtype::f32) {
      fail(found, fmt::format("has dtype {}; expected F16, BF16 or F32", name_of(dtype)));
    }
    check_shape(found, {size});
    return {size, dtype, found.tensor->bytes};
  }

  [[nodiscard]] QuantizedMatrix matrix(const std::string& name, std::uint32_t rows,
                                       std::uint32_t cols) const {
    const auto own = config_.own_quantization.find(name);
    if (own != config_.own_quantization.end()) throw InputError(own->second);
    const LocatedTensor weight = shards_.at(name + ".weight");
    if (weight.tensor->dtype != Dtype::u32) {
      fail(weight,
           fmt::format("has dtype {}; a quantised weight is U32", name_of(weight.tensor->dtype)));
    }
    const std::uint64_t words = std::uint64_t{cols} * config_.bits / 32;
    check_shape(weight, {rows, words});
    const std::uint64_t groups = cols / config_.group_size;
    const LocatedTensor scales = scale(name + ".scales", rows, groups);
    const LocatedTensor biases = scale(name + ".biases", rows, groups);
    if (scales.tensor->dtype != biases.tensor->dtype) {
      fail(biases, fmt::format("has dtype {}; its scales have {}", name_of(biases.tensor->dtype),
                               name_of(scales.tensor->dtype)));
    }
    return {rows,
            cols,
            config_.bits,
            config_.group_size,
            scales.tensor->dtype,
            weight.tensor->bytes,
            scales.tensor->bytes,
            biases.tensor->bytes};
  }

 private:
  [[nodiscard]] LocatedTensor scale(const std::string& name, std::uint64_t rows,
                                    std::uint64_t groups) const {
    const LocatedTensor found = shards_.at(name);
    if (!is_16_bit_float(found.tensor->dtype)) {
      fail(found, fmt::format("has dtype {}; expected F16 or BF16", name_of(found.tensor->dtype)));
    }
    check_shape(found, {rows, groups});
    return found;
  }

  const TensorShards& shards_;
  const ModelConfig& config_;
};

QwenLayer find_layer(const Finder& find, const ModelConfig& config, const std::string& prefix) {
  const std::uint32_t hidden = config.hidden_size;
  const std::uint32_t query = config.query_size();
  const std::uint32_t key_value = config.key_value_size();
  const std::string attention = prefix + ".self_attn";
  const std::string mlp = prefix + ".mlp";
  QwenLayer layer;
  layer.input_layernorm = find.vector(prefix + ".input_layernorm.weight", hidden);
  layer.q = find.matrix(attention + ".q_proj", query, hidden);
  layer.k = find.matrix(attention + ".k_proj", key_value, hidden);
  layer.v = find.matrix(attention + ".v_proj", key_value, hidden);
  layer.q_bias = find.vector(attention + ".q_proj.bias", query);
  layer.k_bias = find.vector(attention + ".k_proj.bias", key_value);
  layer.v_bias = find.vector(attention + ".v_proj.bias", key_value);
  layer.o = find.matrix(attention + ".o_proj", hidden, query);
  layer.post_attention_layernorm = find.vector(prefix + ".post_attention_layernorm.weight", hidden);
  layer.gate = find.matrix(mlp + ".gate_proj", config.intermediate_size, hidden);
  layer.up = find.matrix(mlp + ".up_proj", config.intermediate_size, hidden);
  layer.down = find.matrix(mlp + ".down_proj", hidden, config.intermediate_size);
  return layer;
}

}  // namespace

QwenWeights find_qwen_weights(const TensorShards& shards, const ModelConfig& config) {
  const Finder find(shards, config);
  QwenWeights weights;
  weights.embedding = find.matrix("model.embed_tokens", config.vocab_size, config.hidden_size);
  for (std::uint32_t i = 0; i < config.num_hidden_layers; ++i) {
    weights.layers.push_back(find_layer(find, config, fmt::format("model.layers.{}", i)));
  }
  weights.norm = find.vector("model.norm.weight", config.hidden_size);
  // A configuration that doesn't say leaves it to the weights: mlx-lm ties them, and writes no
  // head.
  const bool is_tied = config.tie_word_embeddings.value_or(!shards.contains("lm_head.weight"));
  weights.head =
      is_tied ? weights.embedding : find.matrix("lm_head", config.vocab_size, config.hidden_size);
  return weights;
}

}  // namespace cbr::decode
