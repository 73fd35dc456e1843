// The tensors of a model directory, which may be spread over several files.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "decode/safetensors.h"

namespace cbr::decode {

/// A tensor and the file it lies in. Both belong to the TensorShards.
struct LocatedTensor {
  const TensorView* tensor = nullptr;
  const SafetensorsFile* file = nullptr;
};

/// All tensors of a directory: those of model.safetensors if that is there, else of the shards
/// beside it, files whose names begin with "model". The index, model.safetensors.index.json, says
/// which shard counts where several have a tensor. It is often older than the shards, and so an
/// entry that is wrong does no harm as long as the tensor is found without it, or is not needed.
/// Move-only; views stay valid when it moves.
class TensorShards {
 public:
  /// Throws InputError if there are no weights, if the index is broken or names a file outside the
  /// directory, and as SafetensorsFile does.
  explicit TensorShards(const std::filesystem::path& directory);

  /// Whether there is a tensor of that name.
  [[nodiscard]] bool contains(std::string_view name) const;
  /// The tensor of that name. Throws InputError if there is none, or if it is in several files and
  /// the index tells none of them.
  [[nodiscard]] LocatedTensor at(std::string_view name) const;

 private:
  void load_index(const std::filesystem::path& index);
  // Opens the shards in the directory that are not open.
  void load_others(const std::filesystem::path& directory);
  void open_shard(const std::filesystem::path& path);
  // The files that have the tensor; one alone if the index tells it.
  [[nodiscard]] std::vector<LocatedTensor> find(std::string_view name) const;
  [[noreturn]] void fail_missing(std::string_view name) const;

  std::filesystem::path source_;  // what an error about a missing tensor names
  std::vector<SafetensorsFile> files_;
  // By tensor, from the index: the file that has it, and of the entries that are wrong the name.
  std::map<std::string, std::size_t, std::less<>> file_of_;
  std::map<std::string, std::string, std::less<>> stale_;
};

}  // namespace cbr::decode
