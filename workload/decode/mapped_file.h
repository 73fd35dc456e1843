// A file's bytes in memory, read-only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <span>
#include <string_view>

namespace cbr::decode {

/// Maps a whole regular file. Move-only; the bytes keep their address when it moves.
/// The file must not be cut short while it is mapped: a read past its new end kills the process.
class MappedFile {
 public:
  /// Throws InputError when `path` is missing, unreadable, not a regular file, has more than
  /// `largest` bytes, or is a pointer that Git LFS or the like left in place of the file.
  explicit MappedFile(const std::filesystem::path& path,
                      std::uint64_t largest = std::numeric_limits<std::uint64_t>::max());
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  /// The file's bytes. Empty for an empty file.
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  /// The same bytes as characters.
  [[nodiscard]] std::string_view text() const;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

}  // namespace cbr::decode
