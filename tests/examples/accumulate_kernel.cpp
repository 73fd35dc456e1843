// What examples/metal/token_loop.mm has in Metal's language, for the fake's GPU; and at the end,
// that the example left nothing over.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "metal_fake/control.h"

namespace cbr::metal_fake {
namespace {

void accumulate(const Dispatch& dispatch) {
  const auto input = dispatch.buffer<std::uint32_t>(0);
  const auto output = dispatch.buffer<std::uint32_t>(1);
  for (std::size_t i = 0; i < dispatch.threads(); ++i) output[i] += input[i];
}

void check() {
  wait_until_idle();
  const auto buffers = live_objects("FakeCommandBuffer");
  const auto outside_a_pool = autoreleases_without_pool();
  if (buffers == 0 && outside_a_pool == 0) return;
  std::fprintf(stderr, "%lld command buffers live on; %llu autoreleases outside a pool\n",
               static_cast<long long>(buffers), static_cast<unsigned long long>(outside_a_pool));
  std::_Exit(1);
}

[[maybe_unused]] const bool registered = [] {
  register_kernel("accumulate", accumulate);
  return std::atexit(check) == 0;
}();

}  // namespace
}  // namespace cbr::metal_fake
