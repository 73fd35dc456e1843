// Two threads record one picture in a fixed order: cbr::Sequence.
//
// The background belongs first and the foreground over it. Each is recorded by a thread of its own,
// and the foreground's is always done first. With plain leases the order of submission counts, and
// the background covers all. In a sequence it is the order of acquisition.
//
//   build/examples/two_threads    (README.md beside this folder says how to build it)
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <future>
#include <string>
#include <utility>

#include <vulkan/vulkan.h>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "host_buffer.h"

namespace {

constexpr std::size_t width = 16;  // in words, of four characters each

/// Records a stroke over whatever earlier work has painted.
void paint(const cbr::Lease& lease, const HostBuffer& canvas, char ink, VkDeviceSize first,
           VkDeviceSize count) {
  const VkCommandBuffer commands = cbr::vulkan::command_buffer(lease);
  transfer_barrier(commands);
  vkCmdFillBuffer(commands, canvas.handle(), 4 * first, 4 * count,
                  0x01010101U * static_cast<std::uint32_t>(ink));
  transfer_barrier(commands);
}

std::string draw(const HostBuffer& canvas, cbr::Lease background, cbr::Lease foreground) {
  std::future<cbr::Ticket> second_thread = std::async(std::launch::async, [&] {
    paint(foreground, canvas, '#', 6, 4);
    return std::move(foreground).submit();
  });
  paint(background, canvas, '.', 0, width);
  // This thread submits only when the other one has: the order is wrong, each time.
  const cbr::Ticket front = second_thread.get();
  const cbr::Ticket back = std::move(background).submit();
  cbr::wait_all(std::array{front, back});
  return {reinterpret_cast<const char*>(canvas.words().data()), 4 * width};
}

void run() {
  const auto device = cbr::vulkan::Device::open();
  const HostBuffer canvas(device->physical_device(), device->handle(), width);
  cbr::CommandBufferRing ring(cbr::vulkan::make_backend(device), {.ring_size = 3});

  cbr::Lease background = ring.acquire();
  cbr::Lease foreground = ring.acquire();
  const std::string plain = draw(canvas, std::move(background), std::move(foreground));

  cbr::Sequence step = ring.sequence();
  background = step.acquire();  // Runs first.
  foreground = step.acquire();  // Runs second, though it is submitted first.
  const std::string ordered = draw(canvas, std::move(background), std::move(foreground));

  std::printf("plain leases: %s\n", plain.c_str());
  std::printf("a sequence:   %s\n", ordered.c_str());
}

}  // namespace

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "two_threads: %s\n", error.what());
    return 1;
  }
}
