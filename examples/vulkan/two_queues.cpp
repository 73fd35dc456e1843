// One queue produces, another consumes, and neither waits on the CPU: submit({.after = {…}}).
//
// Step n of the producer fills one of three buffers with n, step n of the consumer copies it to
// place n of a result. The consumer waits for what it reads, and the producer, before it fills a
// buffer again, for who reads it still. The GPU does the waiting, and between the two there is no
// barrier. Where the device has one queue only, both rings use that.
//
//   build/examples/two_queues     (README.md beside this folder says how to build it)
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include <vulkan/vulkan.h>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "host_buffer.h"

namespace {

constexpr std::uint32_t steps = 100;
constexpr std::size_t words = 16384;  // of each step
constexpr VkDeviceSize bytes = words * sizeof(std::uint32_t);

/// The default device, with two queues of one family if it has them: they can share buffers.
std::shared_ptr<cbr::vulkan::Device> open_two_queues() {
  auto device = cbr::vulkan::Device::open();
  for (const auto& family : device->info().compute_families) {
    if (family.family != device->queue_family() || family.queue_count < 2) continue;
    const cbr::vulkan::QueueRequest queue{.family = family.family};
    return cbr::vulkan::Device::open(
        {.device = std::to_string(device->info().index), .queues = {queue, queue}});
  }
  return device;
}

int run() {
  const auto device = open_two_queues();
  const cbr::QueueIndex produces{0};
  const cbr::QueueIndex consumes{device->queue_count() - 1};
  const HostBuffer between(device->physical_device(), device->handle(), 3 * words);
  const HostBuffer result(device->physical_device(), device->handle(), steps * words);
  cbr::CommandBufferRing producer(cbr::vulkan::make_backend(device), {.name = "Producer"});
  cbr::CommandBufferRing consumer(cbr::vulkan::make_backend(device), {.name = "Consumer"});

  std::array<cbr::Ticket, 3> read;  // who reads each of the three buffers
  for (std::uint32_t step = 0; step < steps; ++step) {
    const VkDeviceSize mine = step % 3 * bytes;
    cbr::Ticket& last_read = read[step % 3];

    cbr::Lease fill = producer.acquire({.queue = produces});
    vkCmdFillBuffer(cbr::vulkan::command_buffer(fill), between.handle(), mine, bytes, step);
    cbr::Dependencies readers;
    if (last_read.valid()) readers.add(last_read);
    const cbr::Ticket filled = std::move(fill).submit({.after = std::move(readers)});

    cbr::Lease copy = consumer.acquire({.queue = consumes});
    const VkBufferCopy region{.srcOffset = mine, .dstOffset = step * bytes, .size = bytes};
    const VkCommandBuffer commands = cbr::vulkan::command_buffer(copy);
    vkCmdCopyBuffer(commands, between.handle(), result.handle(), 1, &region);
    transfer_barrier(commands);  // So that the CPU sees the result.
    last_read = std::move(copy).submit({.after = {filled}});
  }
  cbr::wait_all(read);  // A fill that fails would fail the copy that depends on it.
  std::size_t right = 0;
  for (std::size_t i = 0; i < steps * words; ++i) right += result.words()[i] == i / words ? 1 : 0;
  std::printf("%u steps, %zu of %zu words right\n", steps, right, steps * words);
  return right == steps * words ? 0 : 1;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "two_queues: %s\n", error.what());
    return 1;
  }
}
