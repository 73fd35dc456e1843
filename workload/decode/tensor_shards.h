// The tensors of a model directory, which may be spread over several files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "decode/safetensors.h"

namespace cbr::decode {

/// A tensor and the file it lies in. Both belong to the TensorShards.
struct LocatedTensor {
  const TensorView* tensor = nullptr;
  const SafetensorsFile* file = nullptr;
};

/// All tensors of a directory: model.safetensors if that is there, else the files that
/// model.safetensors.index.json names. Move-only; views stay valid when it moves.
class TensorShards {
 public:
  /// Throws InputError if neither file is there, if the index is broken, names a file outside the
  /// directory or places a tensor in a file without it, and as SafetensorsFile does.
  explicit TensorShards(const std::filesystem::path& directory);

  /// The tensor of that name. Throws InputError if there is none.
  [[nodiscard]] LocatedTensor at(std::string_view name) const;

 private:
  void load_index(const std::filesystem::path& index);

  std::filesystem::path source_;  // what an error about a missing tensor names
  std::vector<SafetensorsFile> files_;
  std::unordered_map<std::string, std::size_t> file_of_;  // only with an index
};

}  // namespace cbr::decode
