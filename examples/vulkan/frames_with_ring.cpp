// After: the same frames through a ring. frames_by_hand.cpp is the same program without one:
// `diff -u frames_by_hand.cpp frames_with_ring.cpp`.
//
//   build/examples/frames_with_ring   (README.md beside this folder says how to build it)
#include <cstdint>
#include <cstdio>
#include <exception>
#include <utility>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "frames.h"

namespace {

void run() {
  const Frames frames;
  const auto device = cbr::vulkan::Device::wrap({.instance = frames.gpu.instance,
                                                 .physical_device = frames.gpu.physical_device,
                                                 .device = frames.gpu.device,
                                                 .queue = frames.gpu.queue,
                                                 .queue_family = frames.gpu.queue_family});
  cbr::CommandBufferRing ring(cbr::vulkan::make_backend(device), {.ring_size = frames_in_flight});

  for (std::uint32_t frame = 0; frame < frame_count; ++frame) {
    cbr::Lease lease = ring.acquire();
    const std::uint32_t place = cbr::to_number(lease.slot());
    frames.prepare(place, frame);
    frames.record(cbr::vulkan::command_buffer(lease), place, frame);
    std::move(lease).submit();
  }
  ring.drain();
  frames.report();
}

}  // namespace

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "frames_with_ring: %s\n", error.what());
    return 1;
  }
}
