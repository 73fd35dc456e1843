// The facts about a model that its config.json states.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "decode/token_id.h"

namespace cbr::decode {

/// Shape and constants of a quantised Qwen2 model. Lengths are in elements.
struct ModelConfig {
  std::uint32_t hidden_size = 0;
  std::uint32_t intermediate_size = 0;
  std::uint32_t num_hidden_layers = 0;
  std::uint32_t num_attention_heads = 0;
  std::uint32_t num_key_value_heads = 0;  ///< divides num_attention_heads
  std::uint32_t head_dim = 0;             ///< even
  std::uint32_t vocab_size = 0;
  std::uint32_t max_position_embeddings = 0;
  float rms_norm_eps = 0;
  float rope_theta = 0;
  std::optional<bool> tie_word_embeddings;  ///< empty: tied if the weights have no head
  std::vector<TokenId> eos_token_ids;       ///< may be empty
  std::uint32_t bits = 0;                   ///< of a quantised weight: 4 or 8
  std::uint32_t group_size = 0;             ///< elements that share a scale: 32, 64 or 128
  /// Matrices that the file quantises otherwise than all, which is unsupported, by name: the text
  /// of the error. Names of matrices that the model has not do no harm.
  std::map<std::string, std::string> own_quantization;

  /// Length of all query heads together.
  [[nodiscard]] std::uint32_t query_size() const { return num_attention_heads * head_dim; }
  /// Length of all key (or value) heads together.
  [[nodiscard]] std::uint32_t key_value_size() const { return num_key_value_heads * head_dim; }

  /// Reads and checks a config.json.
  /// Throws InputError naming the file, the key, its value and what is allowed: for another
  /// architecture, for a feature that is not supported, and for sizes that do not fit together.
  [[nodiscard]] static ModelConfig load(const std::filesystem::path& path);
};

}  // namespace cbr::decode
