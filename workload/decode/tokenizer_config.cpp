#include "decode/tokenizer_config.h"

#include <system_error>

#include <nlohmann/json.hpp>

#include "decode/json_file.h"
#include "text/printable.h"

namespace cbr::decode {
namespace {

using nlohmann::json;

constexpr std::uint64_t largest_tokenizer_config = 64U << 20U;

// A token is its text, or an object that holds that among other things.
std::optional<std::string> read_token(const JsonObject& config, std::string_view key) {
  if (!config.has(key)) return std::nullopt;
  return config.at(key).is_object() ? config.object(key).string("content") : config.string(key);
}

// The file's object if there is a file; an empty one if not.
json read_if_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) ? read_json_file(path, largest_tokenizer_config)
                                                : json::object();
}

}  // namespace

TokenizerConfig TokenizerConfig::read(const std::filesystem::path& directory) {
  const std::filesystem::path path = directory / "tokenizer_config.json";
  const json document = read_if_there(path);
  const JsonObject config(document, text::printable_path(path));
  const std::filesystem::path map_path = directory / "special_tokens_map.json";
  const json map_document = read_if_there(map_path);
  const JsonObject map(map_document, text::printable_path(map_path));

  TokenizerConfig result;
  result.begin_token = read_token(config, "bos_token");
  if (!result.begin_token) result.begin_token = read_token(map, "bos_token");
  result.end_token = read_token(config, "eos_token");
  if (!result.end_token) result.end_token = read_token(map, "eos_token");
  result.adds_begin_token = config.boolean("add_bos_token", false);
  if (config.boolean("add_eos_token", false)) {
    config.fail("add_eos_token", "is true, which is unsupported; expected false");
  }
  if (result.adds_begin_token && !result.begin_token) {
    config.fail("add_bos_token", "is true, but there is no bos_token");
  }
  return result;
}

}  // namespace cbr::decode
