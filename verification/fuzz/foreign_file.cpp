#include "fuzz/foreign_file.h"

#include <fstream>
#include <string>
#include <system_error>

#include <unistd.h>

#include "fuzz/harness.h"

namespace cbr::fuzz {

ForeignDirectory::ForeignDirectory()
    : path_(std::filesystem::temp_directory_path() / ("cbr-fuzz-" + std::to_string(::getpid()))) {
  std::filesystem::create_directories(path_);
}

ForeignDirectory::~ForeignDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path ForeignDirectory::write(std::string_view name,
                                              std::string_view content) const {
  std::filesystem::path path = path_ / name;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  require(file.good(), "the input can be written to a file");
  return path;
}

std::pair<std::string_view, std::string_view> cut_at_zero(std::string_view text) {
  const std::size_t zero = text.find('\0');
  if (zero == std::string_view::npos) return {text, {}};
  return {text.substr(0, zero), text.substr(zero + 1)};
}

}  // namespace cbr::fuzz
