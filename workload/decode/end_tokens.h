// The tokens that end a text, as a model's files state them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "decode/json_file.h"
#include "decode/token_id.h"

namespace cbr::decode {

/// The tokens under "eos_token_id", which is one or a list; none where the key is missing or null.
/// Throws InputError for anything else, a token outside the vocabulary and more than 64 of them.
[[nodiscard]] std::vector<TokenId> read_end_tokens(const JsonObject& config,
                                                   std::uint32_t vocab_size);

/// The end tokens of a generation_config.json; none if the file is not there. What it says of
/// sampling is not looked at. Throws InputError as read_end_tokens() and read_json_file() do, and
/// if it forces a first token, which is unsupported.
[[nodiscard]] std::vector<TokenId> read_generation_config(const std::filesystem::path& path,
                                                          std::uint32_t vocab_size);

/// Refuses a configuration that forces the first new token, with InputError.
void refuse_forced_token(const JsonObject& config);

/// Adds those of `more` that `tokens` has not.
void add_end_tokens(std::vector<TokenId>& tokens, const std::vector<TokenId>& more);

}  // namespace cbr::decode
