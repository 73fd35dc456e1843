#include "output_file.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cbr/errors.h>

#include "decode/printable.h"

namespace cbr::tool {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.parent_path();
  return folder.empty() ? "." : folder;
}

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  throw Error(
      fmt::format("can't write {}: {}", decode::printable_path(path), std::strerror(error)));
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return fsync(file) == 0;
}

}  // namespace

void require_writable(std::string_view flag, const std::filesystem::path& path) {
  const std::filesystem::path folder = folder_of(path);
  std::error_code ignored;
  if (path.empty()) throw InputError(fmt::format("{}: the file name is empty", flag));
  if (std::filesystem::is_directory(path, ignored)) {
    throw InputError(
        fmt::format("{}: {} is a folder; expected a file", flag, decode::printable_path(path)));
  }
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw InputError(
        fmt::format("{}: the folder {} does not exist", flag, decode::printable_path(folder)));
  }
  if (access(folder.c_str(), W_OK | X_OK) != 0) {
    throw InputError(fmt::format("{}: can't write in the folder {}: {}", flag,
                                 decode::printable_path(folder), std::strerror(errno)));
  }
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  std::string temporary = (folder_of(path) / ".cbr-XXXXXX").string();
  const int file = mkstemp(temporary.data());
  if (file < 0) fail(path, errno);
  // mkstemp lets nobody else read the file; give it what a new file would usually get.
  const mode_t mask = umask(0);
  umask(mask);
  bool ok = fchmod(file, 0666 & ~mask) == 0 && write_all(file, text);
  int error = errno;
  if (close(file) != 0 && ok) {
    ok = false;
    error = errno;
  }
  if (ok && std::rename(temporary.c_str(), path.c_str()) != 0) {
    ok = false;
    error = errno;
  }
  if (ok) return;
  unlink(temporary.c_str());
  fail(path, error);
}

}  // namespace cbr::tool
