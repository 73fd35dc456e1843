// SPIR-V that a program in Python brings. SPIRV-Tools and SPIRV-Cross, which look through it, are
// not built with the fuzzer: it sees their crashes, and not the way there.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <cbr/errors.h>

#include "shader.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  std::vector<std::uint32_t> words(size / sizeof(std::uint32_t));
  if (!words.empty()) std::memcpy(words.data(), data, words.size() * sizeof(std::uint32_t));
  try {
    static_cast<void>(cbr::python::read_shader("fuzz", words));
  } catch (const cbr::InvalidOption&) {
  }
  return 0;
}
