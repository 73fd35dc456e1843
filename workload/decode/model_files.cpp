#include "decode/model_files.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "decode/tokenizer_config.h"
#include "text/printable.h"

namespace cbr::decode {
namespace {

// What tokenizer.json puts before a prompt, and tokenizer_config.json with it. The two mostly ask
// for the same.
std::vector<TokenId> find_prompt_prefix(const Tokenizer& tokenizer, const TokenizerConfig& config,
                                        const std::filesystem::path& directory) {
  std::vector<TokenId> prefix = tokenizer.prompt_prefix();
  if (!config.adds_begin_token) return prefix;
  const auto token = tokenizer.find(*config.begin_token);
  if (!token) {
    throw InputError(fmt::format(
        "{}: bos_token: is {}, which every prompt is to begin with, but tokenizer.json has no such "
        "token",
        text::printable_path(directory / "tokenizer_config.json"),
        text::in_quotes(*config.begin_token)));
  }
  if (prefix.empty() || prefix.front() != *token) prefix.insert(prefix.begin(), *token);
  return prefix;
}

}  // namespace

ModelFiles ModelFiles::open(const std::filesystem::path& path) {
  ModelDirectory directory = ModelDirectory::open(path);
  Tokenizer tokenizer = Tokenizer::load(directory.tokenizer_path());
  if (tokenizer.size() > directory.config().vocab_size) {
    throw InputError(fmt::format("{}: has {} tokens; the model's vocabulary has {}",
                                 text::printable_path(directory.tokenizer_path()), tokenizer.size(),
                                 directory.config().vocab_size));
  }
  const TokenizerConfig config = TokenizerConfig::read(path);
  if (config.end_token) {
    // A token that the vocabulary has not can't come, so it needs no watching for.
    if (const auto token = tokenizer.find(*config.end_token)) directory.add_end_token(*token);
  }
  std::vector<TokenId> prefix = find_prompt_prefix(tokenizer, config, path);
  return {.directory = std::move(directory),
          .tokenizer = std::move(tokenizer),
          .prompt_prefix = std::move(prefix)};
}

std::vector<TokenId> ModelFiles::tokens_of(std::string_view source, std::string_view prompt) const {
  std::vector<TokenId> tokens;
  try {
    tokens = tokenizer.encode(prompt);
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", source, error.what()));
  }
  const std::uint32_t context = directory.config().max_position_embeddings;
  if (tokens.empty()) throw InputError(fmt::format("{}: the prompt is empty", source));
  // A prompt may bring its own.
  const bool has_prefix =
      std::mismatch(prompt_prefix.begin(), prompt_prefix.end(), tokens.begin(), tokens.end())
          .first == prompt_prefix.end();
  if (!has_prefix) tokens.insert(tokens.begin(), prompt_prefix.begin(), prompt_prefix.end());
  if (tokens.size() > context) {
    throw InputError(fmt::format("{}: the prompt has {} tokens; the model's context holds {}",
                                 source, tokens.size(), context));
  }
  return tokens;
}

std::uint32_t ModelFiles::capacity_for(const std::vector<std::vector<TokenId>>& prompts,
                                       std::uint32_t max_tokens) const {
  std::size_t longest = 0;
  for (const auto& prompt : prompts) longest = std::max(longest, prompt.size());
  const std::size_t context = directory.config().max_position_embeddings;
  return static_cast<std::uint32_t>(std::min(longest + max_tokens, context));
}

}  // namespace cbr::decode
