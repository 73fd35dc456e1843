#include "metal_report.h"

#ifdef CBR_TOOL_METAL

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/metal.h>
#include <cbr/ring.h>

namespace cbr::tool {

std::string describe_metal() {
  try {
    const auto device = metal::Device::open();
    std::string text = fmt::format("metal: compiled in\n  device: {}\n    Metal 4 {}\n",
                                   device->info().name, device->info().metal4 ? "yes" : "no");
    CommandBufferRing ring(metal::make_backend(device), {.ring_size = 2});
    for (int i = 0; i < 4; ++i) ring.acquire().submit();
    ring.drain();
    return text + "    self-test passed: 4 empty command buffers through a ring of 2\n";
  } catch (const Error& error) {
    return fmt::format("metal: compiled in, but not usable\n  {}\n", error.what());
  }
}

}  // namespace cbr::tool

#else

namespace cbr::tool {

std::string describe_metal() {
  return "metal: not compiled in: it needs Apple's Metal framework\n";
}

}  // namespace cbr::tool

#endif
