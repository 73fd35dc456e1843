#include "fuzz/harness.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>

namespace cbr::fuzz {

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace cbr::fuzz

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  cbr::fuzz::check({reinterpret_cast<const char*>(data), size});
  return 0;
}
