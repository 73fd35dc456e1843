#include "decode/end_tokens.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "text/printable.h"

namespace cbr::decode {
namespace {

using nlohmann::json;

constexpr std::uint64_t largest_generation_config = 16U << 20U;
constexpr std::size_t most_end_tokens = 64;
constexpr const char* end_token_key = "eos_token_id";

}  // namespace

std::vector<TokenId> read_end_tokens(const JsonObject& config, std::uint32_t vocab_size) {
  if (!config.has(end_token_key)) return {};
  const json& value = config.at(end_token_key);
  if (!value.is_array()) {
    return {static_cast<TokenId>(config.integer(end_token_key, 0, vocab_size - 1))};
  }
  if (value.size() > most_end_tokens) {
    config.fail(end_token_key, fmt::format("holds {} tokens; at most {} are allowed", value.size(),
                                           most_end_tokens));
  }
  std::vector<TokenId> tokens;
  for (const json& token : value) {
    if (!token.is_number_unsigned() || token.get<std::uint64_t>() >= vocab_size) {
      config.fail(end_token_key, fmt::format("holds {}; expected integers from 0 to {}",
                                             describe(token), vocab_size - 1));
    }
    tokens.push_back(token.get<TokenId>());
  }
  return tokens;
}

std::vector<TokenId> read_generation_config(const std::filesystem::path& path,
                                            std::uint32_t vocab_size) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  const json document = read_json_file(path, largest_generation_config);
  const JsonObject config(document, text::printable_path(path));
  refuse_forced_token(config);
  return read_end_tokens(config, vocab_size);
}

void refuse_forced_token(const JsonObject& config) {
  constexpr const char* forced = "forced_bos_token_id";
  if (config.has(forced)) {
    config.fail(forced, fmt::format("is {}, which is unsupported; expected null",
                                    describe(config.at(forced))));
  }
}

void add_end_tokens(std::vector<TokenId>& tokens, const std::vector<TokenId>& more) {
  for (const TokenId token : more) {
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) tokens.push_back(token);
  }
}

}  // namespace cbr::decode
