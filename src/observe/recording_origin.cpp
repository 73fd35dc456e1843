#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/utsname.h>

#include <cbr/recording_file.h>

namespace cbr {
namespace {

/// FNV-1a. It keeps half of an identity's bits, so nobody gets that back.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037U;
  for (const char byte : text) {
    value = (value ^ static_cast<unsigned char>(byte)) * 1099511628211U;
  }
  return value;
}

std::string machine() {
  std::string id;
  std::ifstream file("/etc/machine-id");
  if (std::getline(file, id) && !id.empty()) return id;
  utsname system{};
  return uname(&system) == 0 ? system.nodename : "";
}

}  // namespace

RecordingOrigin origin_here(std::string device) {
  const std::string id = machine();
  return {.tool = "cbr " CBR_VERSION,
          .host = id.empty() ? "" : fmt::format("{:016x}", hash("cbr recording " + id)),
          .device = std::move(device)};
}

}  // namespace cbr
