// A ring on a device that the program has already, while a thread of the program's own submits to
// the same queue.
//
// Vulkan allows one thread at a time in a queue. So the ring gets the program's lock, and everyone
// takes it to submit: the ring by lock_queue and unlock_queue.
//
//   build/examples/wrap_device    (README.md beside this folder says how to build it)
#include <cstdint>
#include <cstdio>
#include <exception>
#include <future>
#include <mutex>
#include <utility>

#include <vulkan/vulkan.h>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "plain_commands.h"
#include "plain_device.h"

namespace {

constexpr std::uint32_t count = 100;  // of submissions by either

/// Records the number into word `number`.
void record(VkCommandBuffer commands, const HostBuffer& words, std::uint32_t number) {
  vkCmdFillBuffer(commands, words.handle(), number * sizeof(number), sizeof(number), number);
  transfer_barrier(commands);
}

int run() {
  const PlainDevice gpu;
  std::mutex queue_mutex;
  const HostBuffer by_ring(gpu.physical_device, gpu.device, count);
  const HostBuffer by_program(gpu.physical_device, gpu.device, count);

  const auto device = cbr::vulkan::Device::wrap({.instance = gpu.instance,
                                                 .physical_device = gpu.physical_device,
                                                 .device = gpu.device,
                                                 .queue = gpu.queue,
                                                 .queue_family = gpu.queue_family,
                                                 .lock_queue = [&] { queue_mutex.lock(); },
                                                 .unlock_queue = [&] { queue_mutex.unlock(); }});
  cbr::CommandBufferRing ring(cbr::vulkan::make_backend(device), {.ring_size = 3});

  std::future<void> program = std::async(std::launch::async, [&] {
    PlainCommands own(gpu);
    for (std::uint32_t i = 0; i < count; ++i) {
      record(own.begin(), by_program, i);
      own.end();
      {
        const std::lock_guard lock(queue_mutex);  // Only to submit, and not to wait.
        own.submit();
      }
      own.wait();
    }
  });
  for (std::uint32_t i = 0; i < count; ++i) {
    cbr::Lease lease = ring.acquire();
    record(cbr::vulkan::command_buffer(lease), by_ring, i);
    std::move(lease).submit();
  }
  program.get();
  ring.drain();

  std::uint32_t right = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    right += by_ring.words()[i] == i && by_program.words()[i] == i ? 1 : 0;
  }
  std::printf("%u submissions each by the ring and by the program, %u right\n", count, right);
  return right == count ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "wrap_device: %s\n", error.what());
    return 1;
  }
}
