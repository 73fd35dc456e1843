#include "decode/model_directory.h"

#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "decode/end_tokens.h"
#include "text/printable.h"

namespace cbr::decode {
namespace {

void check_file(const std::filesystem::path& directory, std::string_view name) {
  std::error_code ignored;
  const std::filesystem::path file = directory / name;
  if (std::filesystem::exists(file, ignored)) return;
  // As in a cache of downloads that was cut short, or a clone without its annex.
  if (std::filesystem::is_symlink(file, ignored)) {
    throw InputError(
        fmt::format("{}: is a link to {}, which is missing", text::printable_path(file),
                    text::printable_path(std::filesystem::read_symlink(file, ignored))));
  }
  throw InputError(fmt::format("{}: is missing", text::printable_path(file)));
}

}  // namespace

ModelDirectory ModelDirectory::open(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    throw InputError(fmt::format("{}: no such model directory", text::printable_path(path)));
  }
  if (!std::filesystem::is_directory(path, ignored)) {
    throw InputError(fmt::format("{}: is not a directory", text::printable_path(path)));
  }
  check_file(path, "config.json");
  check_file(path, "tokenizer.json");
  ModelConfig config = ModelConfig::load(path / "config.json");
  add_end_tokens(config.eos_token_ids,
                 read_generation_config(path / "generation_config.json", config.vocab_size));
  return {path, std::move(config)};
}

void ModelDirectory::add_end_token(TokenId token) {
  add_end_tokens(config_.eos_token_ids, {token});
}

ModelDirectory::ModelDirectory(const std::filesystem::path& path, ModelConfig config)
    : path_(path),
      config_(std::move(config)),
      shards_(path_),
      weights_(find_qwen_weights(shards_, config_)) {}

}  // namespace cbr::decode
