// Bytes of a fuzzer as a file, since files are what the readers take.
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

namespace cbr::fuzz {

/// A directory of this process in the system's place for temporary files (TMPDIR), removed with it.
class ForeignDirectory {
 public:
  ForeignDirectory();
  ForeignDirectory(const ForeignDirectory&) = delete;
  ForeignDirectory& operator=(const ForeignDirectory&) = delete;
  ~ForeignDirectory();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Writes a file anew and returns its path. Ends the process if that fails.
  [[nodiscard]] std::filesystem::path write(std::string_view name, std::string_view content) const;

 private:
  std::filesystem::path path_;
};

/// The text up to the first zero byte, and the rest behind it: a way to draw two files from one
/// input.
[[nodiscard]] std::pair<std::string_view, std::string_view> cut_at_zero(std::string_view text);

}  // namespace cbr::fuzz
