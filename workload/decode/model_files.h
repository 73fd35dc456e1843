// The files of a model, ready for use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "decode/model_directory.h"
#include "decode/token_id.h"
#include "decode/tokenizer.h"

namespace cbr::decode {

/// The files of a model, opened and checked.
struct ModelFiles {
  ModelDirectory directory;
  Tokenizer tokenizer;
  /// Tokens that every prompt begins with, as the tokenizer's files ask for; mostly none.
  std::vector<TokenId> prompt_prefix = {};

  /// Reads tokenizer_config.json and special_tokens_map.json too, where they are there. Throws
  /// InputError in one line for whatever is wrong with the files.
  [[nodiscard]] static ModelFiles open(const std::filesystem::path& path);

  /// The tokens of a prompt, after `prompt_prefix` unless it begins with that. `source` stands in
  /// messages. Throws InputError if it has none, or more than the model's context holds.
  [[nodiscard]] std::vector<TokenId> tokens_of(std::string_view source,
                                               std::string_view prompt) const;

  /// Positions needed to answer the longest of `prompts` with `max_tokens` new tokens, as far as
  /// the model's context goes.
  [[nodiscard]] std::uint32_t capacity_for(const std::vector<std::vector<TokenId>>& prompts,
                                           std::uint32_t max_tokens) const;
};

}  // namespace cbr::decode
