#include "bench/system_info.h"

#include <chrono>
#include <fstream>
#include <string_view>
#include <thread>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace cbr::bench {
namespace {

/// The value on the first line of a file that starts with `key`, without quotes; else "unknown".
std::string value_in(const char* file, std::string_view key, char separator) {
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t at = line.find(separator);
    if (at == std::string::npos) continue;
    std::string value = line.substr(at + 1);
    const std::size_t first = value.find_first_not_of(" \t\"");
    if (first == std::string::npos) continue;
    return value.substr(first, value.find_last_not_of(" \t\"") - first + 1);
  }
  return "unknown";
}

std::string compiler() {
#if defined(__clang__)
  return fmt::format("Clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#elif defined(__GNUC__)
  return fmt::format("GCC {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#else
  return "unknown";
#endif
}

}  // namespace

SystemInfo read_system_info() {
  SystemInfo info;
  utsname system{};
  info.kernel = uname(&system) == 0
                    ? fmt::format("{} {} {}", system.sysname, system.release, system.machine)
                    : "unknown";
  info.os = value_in("/etc/os-release", "PRETTY_NAME=", '=');
  info.cpu = value_in("/proc/cpuinfo", "model name", ':');
  info.cores = std::thread::hardware_concurrency();
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_size = sysconf(_SC_PAGE_SIZE);
  if (pages > 0 && page_size > 0) {
    info.memory_bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_size);
  }
  info.cbr_version = CBR_VERSION;
  info.compiler = compiler();
  info.build_type = CBR_BUILD_TYPE;
  return info;
}

std::string utc_timestamp() {
  const auto now =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  return fmt::format("{:%FT%TZ}", fmt::gmtime(now));
}

}  // namespace cbr::bench
