#include "fuzz/foreign_file.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <system_error>

#include <unistd.h>

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

std::string_view text_of(const unsigned char* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

std::pair<std::string_view, std::string_view> cut_at_zero(std::string_view text) {
  const std::size_t zero = text.find('\0');
  if (zero == std::string_view::npos) return {text, {}};
  return {text.substr(0, zero), text.substr(zero + 1)};
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace cbr::fuzz
