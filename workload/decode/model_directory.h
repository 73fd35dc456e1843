// A model on disk: its configuration and its weights, checked against each other.
#pragma once

#include <filesystem>

#include "decode/model_config.h"
#include "decode/qwen_weights.h"
#include "decode/tensor_shards.h"

namespace cbr::decode {

/// An opened model directory. It maps the weight files and keeps them mapped; nothing is copied.
/// Move-only; the weights stay valid when it moves.
class ModelDirectory {
 public:
  /// Opens a directory with config.json, the weights in safetensors files, and tokenizer.json
  /// (which Tokenizer::load() reads). End tokens of generation_config.json, where there is one,
  /// join those of config.json. Throws InputError, in one line, if one of the three is missing, and
  /// for whatever is wrong in the configuration or the weights.
  [[nodiscard]] static ModelDirectory open(const std::filesystem::path& path);

  /// Where the directory is.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Where its tokenizer.json is.
  [[nodiscard]] std::filesystem::path tokenizer_path() const { return path_ / "tokenizer.json"; }
  /// The model's shape and constants.
  [[nodiscard]] const ModelConfig& config() const { return config_; }
  /// One more token that ends a text.
  void add_end_token(TokenId token);
  /// The weights. Their bytes belong to this object.
  [[nodiscard]] const QwenWeights& weights() const { return weights_; }

 private:
  ModelDirectory(const std::filesystem::path& path, ModelConfig config);

  std::filesystem::path path_;
  ModelConfig config_;
  TensorShards shards_;
  QwenWeights weights_;
};

}  // namespace cbr::decode
