// The smallest whole program: a device, a ring of three, work in every step, tickets, statistics.
//
// Step n fills a scratch buffer with n and copies it to place n of a result that the CPU looks at
// in the end. Steps overlap, so each slot has a scratch buffer of its own.
//
//   build/examples/minimal        (README.md beside this folder says how to build it)
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

#include <vulkan/vulkan.h>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "host_buffer.h"

namespace {

constexpr std::uint32_t slots = 3;
constexpr std::uint32_t steps = 100;
constexpr std::size_t words = 16384;  // of each step
constexpr VkDeviceSize bytes = words * sizeof(std::uint32_t);

int run() {
  const auto device = cbr::vulkan::Device::open();
  const HostBuffer scratch(device->physical_device(), device->handle(), slots * words);
  const HostBuffer result(device->physical_device(), device->handle(), steps * words);
  // Declared last, so it goes first, and waits for the work that uses the buffers.
  cbr::CommandBufferRing ring(cbr::vulkan::make_backend(device), {.ring_size = slots});

  std::vector<cbr::Ticket> tickets;
  for (std::uint32_t step = 0; step < steps; ++step) {
    cbr::Lease lease = ring.acquire();  // Waits if all three slots are in flight.
    const VkCommandBuffer commands = cbr::vulkan::command_buffer(lease);  // Already begun.
    const VkDeviceSize mine = cbr::to_number(lease.slot()) * bytes;
    vkCmdFillBuffer(commands, scratch.handle(), mine, bytes, step);
    transfer_barrier(commands);
    const VkBufferCopy copy{.srcOffset = mine, .dstOffset = step * bytes, .size = bytes};
    vkCmdCopyBuffer(commands, scratch.handle(), result.handle(), 1, &copy);
    transfer_barrier(commands);
    tickets.push_back(std::move(lease).submit());  // Returns at once.
  }
  ring.drain();            // Waits for all of it,
  cbr::wait_all(tickets);  // and this throws what a step failed with.

  for (std::size_t i = 0; i < steps * words; ++i) {
    if (result.words()[i] == i / words) continue;
    std::fprintf(stderr, "word %zu is %u, not %zu\n", i, result.words()[i], i / words);
    return 1;
  }
  std::chrono::duration<double, std::milli> busy{0};
  for (const cbr::Ticket& ticket : tickets) {
    if (const auto interval = ticket.gpu_interval()) busy += interval->end - interval->start;
  }
  const cbr::RingStatistics statistics = ring.statistics();
  std::printf("%s: %llu steps through %u slots, all right\n", device->info().name.c_str(),
              static_cast<unsigned long long>(statistics.completions), statistics.ring_size);
  std::printf("GPU: %.2f ms; %llu of %llu acquisitions waited, %.3f ms each\n", busy.count(),
              static_cast<unsigned long long>(statistics.wait_events),
              static_cast<unsigned long long>(statistics.total_acquisitions),
              statistics.avg_wait_ms);
  return 0;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "minimal: %s\n", error.what());
    return 1;
  }
}
