#include "output_file.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cbr/errors.h>

#include "text/printable.h"

namespace cbr::tool {
namespace {

/// What Linux follows at most.
constexpr int most_links = 40;

std::filesystem::path folder_of(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.parent_path();
  return folder.empty() ? "." : folder;
}

std::optional<struct stat> status_of(const std::filesystem::path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return status;
}

/// 3 for "/dev/fd/3". To open such a name anew would begin the file behind it anew.
std::optional<int> descriptor_named_by(const std::filesystem::path& path) {
  const std::string name = path.lexically_normal().string();
  if (name == "/dev/stdout") return STDOUT_FILENO;
  if (name == "/dev/stderr") return STDERR_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!name.starts_with(folder)) continue;
    int descriptor = -1;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + folder.size(), end, descriptor);
    if (parsed.ec == std::errc() && parsed.ptr == end) return descriptor;
  }
  return std::nullopt;
}

/// Where a name leads.
struct Target {
  /// With links followed; where they lead in a circle, one of them.
  std::filesystem::path path;
  /// Of an open file of this process.
  std::optional<int> descriptor;
};

Target target_of(std::filesystem::path path) {
  std::error_code ignored;
  for (int links = 0; links < most_links; ++links) {
    if (const auto descriptor = descriptor_named_by(path)) return {path, descriptor};
    if (!std::filesystem::is_symlink(path, ignored)) break;
    // An absolute one takes the place of all before it.
    path = folder_of(path) / std::filesystem::read_symlink(path, ignored);
  }
  return {std::move(path), std::nullopt};
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { (void)close(); }

  [[nodiscard]] int get() const { return value_; }
  /// Some file systems tell only now that they could not write.
  [[nodiscard]] bool close() {
    const int value = std::exchange(value_, -1);
    return value < 0 || ::close(value) == 0;
  }

 private:
  int value_;
};

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Brings it to the disk, if it is on one.
bool flush(int file) {
  return fsync(file) == 0 || errno == EINVAL || errno == ENOTSUP;
}

/// Truncates a file, opens anything else. False with errno.
bool write_in_place(const std::filesystem::path& path, std::string_view text) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_TRUNC | O_NOCTTY | O_CLOEXEC));
  return file.get() >= 0 && write_all(file.get(), text) && flush(file.get()) && file.close();
}

/// `old` is what stands there. False with errno; then nothing has changed.
bool replace(const std::filesystem::path& path, std::string_view text,
             const std::optional<struct stat>& old) {
  std::string temporary = (folder_of(path) / ".cbr-XXXXXX").string();
  Descriptor file(mkstemp(temporary.data()));
  if (file.get() < 0) return false;
  // mkstemp lets nobody else read the file; give it what a new file would usually get.
  const mode_t mask = umask(0);
  umask(mask);
  const mode_t mode = old ? old->st_mode & 0777U : 0666U & ~mask;
  // The group at least, which only few may be given away to.
  if (old && fchown(file.get(), old->st_uid, old->st_gid) != 0) errno = 0;
  if (fchmod(file.get(), mode) == 0 && write_all(file.get(), text) && flush(file.get()) &&
      file.close() && std::rename(temporary.c_str(), path.c_str()) == 0) {
    return true;
  }
  const int error = errno;
  unlink(temporary.c_str());
  errno = error;
  return false;
}

bool may_be_replaced(const struct stat& file) {
  const bool ours = file.st_uid == geteuid() || geteuid() == 0;
  return ours && file.st_nlink == 1;
}

bool write_target(const Target& target, std::string_view text) {
  if (target.descriptor) return write_all(*target.descriptor, text);
  const std::optional<struct stat> old = status_of(target.path);
  if (!old) return replace(target.path, text, old);
  if (!S_ISREG(old->st_mode)) return write_in_place(target.path, text);
  const bool writable = access(target.path.c_str(), W_OK) == 0;
  if (writable && !may_be_replaced(*old)) return write_in_place(target.path, text);
  if (replace(target.path, text, old)) return true;
  // A full disk is no reason to lose what stands there.
  const bool can_not_replace =
      errno == EACCES || errno == EPERM || errno == EBUSY || errno == EXDEV || errno == EROFS;
  return writable && can_not_replace && write_in_place(target.path, text);
}

const char* name_of(mode_t kind) {
  if (S_ISDIR(kind)) return "a folder";
  if (S_ISBLK(kind)) return "a block device";
  return "a socket";
}

bool is_open_for_writing(int descriptor) {
  const int flags = fcntl(descriptor, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

}  // namespace

void require_writable(std::string_view flag, const std::filesystem::path& path) {
  if (path.empty()) throw InputError(fmt::format("{}: the file name is empty", flag));
  const auto fail = [&](const std::filesystem::path& what, const char* problem) {
    throw InputError(
        fmt::format("{}: can't write {}: {}", flag, text::printable_path(what), problem));
  };
  const Target target = target_of(path);
  if (target.descriptor) {
    if (!is_open_for_writing(*target.descriptor)) fail(path, "it is not open for writing");
    return;
  }
  const std::filesystem::path folder = folder_of(target.path);
  const bool folder_is_writable = access(folder.c_str(), W_OK | X_OK) == 0;
  if (const std::optional<struct stat> status = status_of(target.path)) {
    const mode_t kind = status->st_mode;
    if (!S_ISREG(kind) && !S_ISCHR(kind) && !S_ISFIFO(kind)) {
      throw InputError(fmt::format("{}: {} is {}; expected a file", flag,
                                   text::printable_path(path), name_of(kind)));
    }
    if (S_ISREG(kind) && folder_is_writable) return;
    if (access(target.path.c_str(), W_OK) != 0) fail(path, std::strerror(errno));
    return;
  }
  if (errno != ENOENT) fail(path, std::strerror(errno));
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw InputError(
        fmt::format("{}: the folder {} does not exist", flag, text::printable_path(folder)));
  }
  if (!folder_is_writable) {
    throw InputError(fmt::format("{}: can't write in the folder {}: {}", flag,
                                 text::printable_path(folder), std::strerror(EACCES)));
  }
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  if (write_target(target_of(path), text)) return;
  const int error = errno;
  throw Error(fmt::format("can't write {}: {}", text::printable_path(path), std::strerror(error)));
}

}  // namespace cbr::tool
