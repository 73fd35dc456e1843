// SPIR-V that a program in Python brings. SPIRV-Tools and SPIRV-Cross, which look through it, are
// not built with the fuzzer: it sees their crashes, and not the way there.
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include <cbr/errors.h>

#include "fuzz/harness.h"
#include "shader.h"

namespace cbr::fuzz {

void check(std::string_view input) {
  std::vector<std::uint32_t> words(input.size() / sizeof(std::uint32_t));
  if (!words.empty()) std::memcpy(words.data(), input.data(), words.size() * sizeof(std::uint32_t));
  try {
    static_cast<void>(python::read_shader("fuzz", words));
  } catch (const InvalidOption&) {
  }
}

}  // namespace cbr::fuzz
