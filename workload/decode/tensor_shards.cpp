#include "decode/tensor_shards.h"

#include <map>
#include <optional>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "decode/json_file.h"
#include "text/printable.h"

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
  if (is_there(single)) {
    source_ = single;
    files_.emplace_back(single);
    return;
  }
  const std::filesystem::path index = directory / "model.safetensors.index.json";
  source_ = is_there(index) ? index : directory;
  if (is_there(index)) load_index(index);
  if (file_of_.empty() || !stale_.empty()) load_others(directory);
  if (files_.empty() && !is_there(index)) {
    throw InputError(
        fmt::format("{}: has neither model.safetensors nor "
                    "model.safetensors.index.json",
                    text::printable_path(directory)));
  }
}

void TensorShards::load_index(const std::filesystem::path& index) {
  const json document = read_json_file(index, largest_index);
  const JsonObject map = JsonObject(document, text::printable_path(index)).object("weight_map");
  // The file's number; none if it is not there.
  std::map<std::string, std::optional<std::size_t>> numbers;
  for (const auto& [tensor, value] : map.value().items()) {
    const std::string& name = map.string(tensor);
    if (!is_plain_file_name(name)) {
      map.fail(tensor, fmt::format("is {}; expected the plain name of a .safetensors file beside "
                                   "the index",
                                   text::in_quotes(name)));
    }
    const auto [entry, is_new] = numbers.emplace(name, std::nullopt);
    const std::filesystem::path path = index.parent_path() / name;
    if (is_new && is_there(path)) {
      entry->second = files_.size();
      open_shard(path);
    }
    if (entry->second && files_[*entry->second].find(tensor) != nullptr) {
      file_of_.emplace(tensor, *entry->second);
    } else {
      stale_.emplace(tensor, name);
    }
  }
}

void TensorShards::load_others(const std::filesystem::path& directory) {
  std::set<std::filesystem::path> open;
  for (const SafetensorsFile& file : files_) open.insert(file.path());
  std::set<std::filesystem::path> others;  // in the order of their names, as every system has them
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("model") && is_plain_file_name(name) && !open.contains(entry.path()) &&
        entry.is_regular_file(error)) {
      others.insert(entry.path());
    }
  }
  for (const std::filesystem::path& path : others) open_shard(path);
}

void TensorShards::open_shard(const std::filesystem::path& path) {
  if (files_.size() == most_shards) {
    throw InputError(fmt::format("{}: is one shard more than the {} that are allowed",
                                 text::printable_path(path), most_shards));
  }
  files_.emplace_back(path);
}

std::vector<LocatedTensor> TensorShards::find(std::string_view name) const {
  // Only the file that the index names counts: another may hold a stale copy.
  const auto entry = file_of_.find(name);
  if (entry != file_of_.end()) {
    const SafetensorsFile& file = files_[entry->second];
    return {{file.find(name), &file}};
  }
  std::vector<LocatedTensor> found;
  for (const SafetensorsFile& file : files_) {
    const TensorView* tensor = file.find(name);
    if (tensor != nullptr) found.push_back({tensor, &file});
  }
  return found;
}

bool TensorShards::contains(std::string_view name) const {
  return !find(name).empty();
}

LocatedTensor TensorShards::at(std::string_view name) const {
  const std::vector<LocatedTensor> found = find(name);
  if (found.empty()) fail_missing(name);
  if (found.size() > 1) {
    throw InputError(
        fmt::format("{}: tensor {}: is in {} and in {}, and no index says which counts",
                    text::printable_path(source_), text::in_quotes(name),
                    text::in_quotes(found[0].file->path().filename().string()),
                    text::in_quotes(found[1].file->path().filename().string())));
  }
  return found.front();
}

void TensorShards::fail_missing(std::string_view name) const {
  const auto stale = stale_.find(name);
  std::string problem = "is missing";
  if (stale != stale_.end()) {
    const bool is_file_there = is_there(source_.parent_path() / stale->second);
    problem = fmt::format("is missing: the index places it in {}, which {}",
                          text::in_quotes(stale->second),
                          is_file_there ? "has no such tensor" : "is not there");
  }
  throw InputError(fmt::format("{}: tensor {}: {}", text::printable_path(source_),
                               text::in_quotes(name), problem));
}

}  // namespace cbr::decode
