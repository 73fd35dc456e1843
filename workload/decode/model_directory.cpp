#include "decode/model_directory.h"

#include <system_error>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "decode/printable.h"

namespace cbr::decode {
namespace {

void check_file(const std::filesystem::path& directory, std::string_view name) {
  std::error_code ignored;
  if (!std::filesystem::exists(directory / name, ignored)) {
    throw InputError(fmt::format("{}: is missing", printable_path(directory / std::string(name))));
  }
}

}  // namespace

ModelDirectory ModelDirectory::open(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    throw InputError(fmt::format("{}: no such model directory", printable_path(path)));
  }
  if (!std::filesystem::is_directory(path, ignored)) {
    throw InputError(fmt::format("{}: is not a directory", printable_path(path)));
  }
  check_file(path, "config.json");
  check_file(path, "tokenizer.json");
  return {path, ModelConfig::load(path / "config.json")};
}

ModelDirectory::ModelDirectory(const std::filesystem::path& path, ModelConfig config)
    : path_(path),
      config_(std::move(config)),
      shards_(path_),
      weights_(find_qwen_weights(shards_, config_)) {}

}  // namespace cbr::decode
