#include "standard_input.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include <cbr/errors.h>

namespace cbr::tool {
namespace {

constexpr std::size_t block = 65536;

}  // namespace

void claim_standard_input(std::string_view flag) {
  static std::string owner;
  if (!owner.empty()) {
    throw InputError(fmt::format("{}: standard input (-) is read by {} already", flag, owner));
  }
  owner = flag;
}

std::string read_standard_input(std::string_view flag, std::uint64_t most) {
  claim_standard_input(flag);
  std::string text;
  std::vector<char> bytes(block);
  for (;;) {
    const ssize_t count = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      throw InputError(
          fmt::format("{}: can't read it: {}", standard_input_name, std::strerror(errno)));
    }
    text.append(bytes.data(), static_cast<std::size_t>(count));
    if (text.size() > most) {
      throw InputError(fmt::format("{}: is larger than {} bytes", standard_input_name, most));
    }
  }
}

}  // namespace cbr::tool
