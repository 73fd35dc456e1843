// Tensors in a safetensors file: u64 little-endian header length, JSON header, data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "decode/dtype.h"
#include "decode/mapped_file.h"

namespace cbr::decode {

/// One tensor of a file. The bytes belong to the SafetensorsFile and live as long as it does.
/// They are row-major and little-endian, and need not be aligned for their type: copy them out.
struct TensorView {
  std::string name;
  Dtype dtype = Dtype::u8;
  std::vector<std::uint64_t> shape;
  std::span<const std::byte> bytes;
};

/// A shape for an error message: "[256, 32]".
[[nodiscard]] std::string describe_shape(std::span<const std::uint64_t> shape);

/// A safetensors file, mapped read-only and checked in full: each tensor lies inside the file, is
/// as long as its shape and type say, and shares no byte with another. Move-only.
class SafetensorsFile {
 public:
  /// Throws InputError naming the file, the tensor, the value found and the limit.
  explicit SafetensorsFile(const std::filesystem::path& path);

  /// Where the file is.
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// All tensors, ordered by name.
  [[nodiscard]] const std::vector<TensorView>& tensors() const { return tensors_; }
  /// The tensor of that name, or nullptr.
  [[nodiscard]] const TensorView* find(std::string_view name) const;

 private:
  std::filesystem::path path_;
  MappedFile file_;
  std::vector<TensorView> tensors_;
};

}  // namespace cbr::decode
