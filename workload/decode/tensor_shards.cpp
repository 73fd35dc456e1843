#include "decode/tensor_shards.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "decode/json_file.h"
#include "decode/printable.h"

namespace cbr::decode {
namespace {

using nlohmann::json;

constexpr std::uint64_t largest_index = 100'000'000;
constexpr std::size_t most_shards = 4096;

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// A shard must lie in the directory itself, so its name may hold no separator of any system.
bool is_plain_file_name(const std::string& name) {
  constexpr std::string_view suffix = ".safetensors";
  return name.size() > suffix.size() && name.size() <= 255 && name.front() != '.' &&
         name.ends_with(suffix) &&
         name.find_first_of(std::string_view("/\\:\0", 4)) == std::string::npos;
}

}  // namespace

TensorShards::TensorShards(const std::filesystem::path& directory) {
  const std::filesystem::path single = directory / "model.safetensors";
  const std::filesystem::path index = directory / "model.safetensors.index.json";
  source_ = is_there(single) ? single : index;
  if (is_there(single)) {
    files_.emplace_back(single);
  } else if (is_there(index)) {
    load_index(index);
  } else {
    throw InputError(
        fmt::format("{}: has neither model.safetensors nor "
                    "model.safetensors.index.json",
                    printable_path(directory)));
  }
}

void TensorShards::load_index(const std::filesystem::path& index) {
  const json document = read_json_file(index, largest_index);
  const JsonObject map = JsonObject(document, printable_path(index)).object("weight_map");
  std::unordered_map<std::string, std::size_t> number_of_file;
  for (const auto& [tensor, value] : map.value().items()) {
    const std::string& file = map.string(tensor);
    if (!is_plain_file_name(file)) {
      map.fail(tensor, fmt::format("is {}; expected the plain name of a .safetensors file beside "
                                   "the index",
                                   in_quotes(file)));
    }
    const auto [entry, is_new] = number_of_file.emplace(file, files_.size());
    if (is_new && files_.size() == most_shards) {
      map.fail(tensor, fmt::format("is one file more than the {} that are allowed", most_shards));
    }
    if (is_new) files_.emplace_back(index.parent_path() / file);
    if (files_[entry->second].find(tensor) == nullptr) {
      map.fail(tensor, fmt::format("is {}, but that file has no such tensor", in_quotes(file)));
    }
    file_of_.emplace(tensor, entry->second);
  }
}

LocatedTensor TensorShards::at(std::string_view name) const {
  // With an index only the file it names counts: another may hold a stale copy.
  const auto entry = file_of_.find(std::string(name));
  const SafetensorsFile* file = nullptr;
  if (entry != file_of_.end()) {
    file = &files_[entry->second];
  } else if (file_of_.empty() && !files_.empty()) {
    file = &files_.front();
  }
  const TensorView* tensor = file != nullptr ? file->find(name) : nullptr;
  if (tensor == nullptr) {
    throw InputError(
        fmt::format("{}: tensor {}: is missing", printable_path(source_), in_quotes(name)));
  }
  return {tensor, file};
}

}  // namespace cbr::decode
