// What happens when a program breaks a rule of Metal's: the process ends, as on macOS.
#pragma once

namespace cbr::metal_fake {

/// Prints `-[MTLCommandBuffer commit]: failed assertion 'words'` and aborts.
[[noreturn]] void violation(const char* method, const char* words);

inline void require(bool holds, const char* method, const char* words) {
  if (!holds) violation(method, words);
}

}  // namespace cbr::metal_fake
