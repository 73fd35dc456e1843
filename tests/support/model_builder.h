// Writes small model directories for tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "decode/dtype.h"
#include "decode/token_id.h"

namespace cbr::test {

/// A tensor to write.
struct TensorData {
  std::string name;
  decode::Dtype dtype = decode::Dtype::u32;
  std::vector<std::uint64_t> shape;
  std::vector<std::byte> bytes;
};

/// Writes a safetensors file, tensors in the given order without gaps.
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorData>& tensors);

/// The model that build_model() writes. The defaults give one that suits every rule of a
/// configuration; a test changes what it is about.
struct ModelSpec {
  std::uint32_t hidden_size = 128;
  std::uint32_t intermediate_size = 256;
  std::uint32_t num_hidden_layers = 2;
  std::uint32_t num_attention_heads = 4;
  std::uint32_t num_key_value_heads = 2;
  std::uint32_t head_dim = 32;
  std::uint32_t vocab_size = 320;  ///< at least 257: one special token and one for each byte
  std::uint32_t max_position_embeddings = 128;
  double rms_norm_eps = 1e-6;
  double rope_theta = 1e4;
  bool tie_word_embeddings = true;
  std::vector<decode::TokenId> eos_token_ids = {0};
  std::uint32_t bits = 4;
  std::uint32_t group_size = 32;
  decode::Dtype scale_dtype = decode::Dtype::f16;   ///< f16 or bf16
  decode::Dtype vector_dtype = decode::Dtype::f16;  ///< f16, bf16 or f32
  std::uint32_t seed = 1;                           ///< equal specs give equal files
};

/// Writes config.json, model.safetensors with random weights, and tokenizer.json into
/// `directory`, which must exist. The weights are scaled so that activations stay near one.
/// The tokenizer has no merges: token 0 is "<|endoftext|>" and token 1 + b is the byte b.
void build_model(const std::filesystem::path& directory, const ModelSpec& spec);

/// The tensors that build_model() writes.
[[nodiscard]] std::vector<TensorData> random_tensors(const ModelSpec& spec);

}  // namespace cbr::test
