#include "decode/mapped_file.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cbr/errors.h>

#include "decode/file_stand_in.h"
#include "text/printable.h"

namespace cbr::decode {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  [[nodiscard]] int get() const { return value_; }

 private:
  int value_;
};

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view action, int error) {
  throw InputError(fmt::format("{}: cannot {}: {}", text::printable_path(path), action,
                               std::generic_category().message(error)));
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path, std::uint64_t largest) {
  // O_NONBLOCK: a named pipe in place of the file must give an error, not wait for a writer.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) fail(path, "open the file", errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail(path, "read the file's size", errno);
  if (!S_ISREG(status.st_mode)) {
    throw InputError(fmt::format("{}: is not a regular file", text::printable_path(path)));
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;
  if (size > largest) {
    throw InputError(fmt::format("{}: has {} bytes; at most {} are allowed",
                                 text::printable_path(path), size, largest));
  }
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (address == MAP_FAILED) fail(path, "map the file", errno);
  // It owns the mapping should the file be refused below.
  MappedFile mapped({static_cast<const std::byte*>(address), size});
  if (const auto stand_in = describe_stand_in(mapped.text())) {
    throw InputError(fmt::format("{}: {}", text::printable_path(path), *stand_in));
  }
  *this = std::move(mapped);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : bytes_(std::exchange(other.bytes_, std::span<const std::byte>())) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

std::string_view MappedFile::text() const {
  return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
}

}  // namespace cbr::decode
