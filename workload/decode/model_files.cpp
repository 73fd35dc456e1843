#include "decode/model_files.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "decode/printable.h"

namespace cbr::decode {

ModelFiles ModelFiles::open(const std::filesystem::path& path) {
  ModelDirectory directory = ModelDirectory::open(path);
  Tokenizer tokenizer = Tokenizer::load(directory.tokenizer_path());
  if (tokenizer.size() > directory.config().vocab_size) {
    throw InputError(fmt::format("{}: has {} tokens; the model's vocabulary has {}",
                                 printable_path(directory.tokenizer_path()), tokenizer.size(),
                                 directory.config().vocab_size));
  }
  return {.directory = std::move(directory), .tokenizer = std::move(tokenizer)};
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
