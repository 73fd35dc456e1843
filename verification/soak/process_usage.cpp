#include "soak/process_usage.h"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <unistd.h>

#include <cbr/errors.h>

namespace cbr::soak {
namespace {

std::uint64_t entries(const char* directory) {
  std::error_code error;
  const std::filesystem::directory_iterator first(directory, error);
  if (error) throw InputError(std::string(directory) + ": " + error.message());
  return static_cast<std::uint64_t>(std::distance(begin(first), end(first)));
}

}  // namespace

ProcessUsage process_usage() {
  std::uint64_t pages = 0;
  std::uint64_t resident = 0;
  if (!(std::ifstream("/proc/self/statm") >> pages >> resident)) {
    throw InputError("/proc/self/statm: can't be read");
  }
  // One descriptor is the reading's own.
  return {.memory = resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)),
          .files = entries("/proc/self/fd") - 1,
          .threads = entries("/proc/self/task")};
}

}  // namespace cbr::soak
