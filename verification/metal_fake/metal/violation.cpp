#include "metal_fake/metal/violation.h"

#include <cstdio>
#include <cstdlib>

namespace cbr::metal_fake {

void violation(const char* method, const char* words) {
  std::fprintf(stderr, "%s: failed assertion `%s'\n", method, words);
  std::abort();
}

}  // namespace cbr::metal_fake
