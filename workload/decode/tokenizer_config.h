// What the files beside tokenizer.json say of the tokens that begin and end a text.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace cbr::decode {

/// The facts of a model's tokenizer_config.json, and of its special_tokens_map.json where the
/// former is silent.
struct TokenizerConfig {
  std::optional<std::string> begin_token;  ///< "bos_token"
  std::optional<std::string> end_token;    ///< "eos_token"
  bool adds_begin_token = false;           ///< every prompt begins with `begin_token`

  /// Reads the two files of a model directory, as far as they are there. Throws InputError if one
  /// is broken, or asks for an end token after the prompt, which is unsupported, or for a begin
  /// token that it doesn't name.
  [[nodiscard]] static TokenizerConfig read(const std::filesystem::path& directory);
};

}  // namespace cbr::decode
