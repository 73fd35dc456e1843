#include "compute/transfer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "compute/recorder.h"

namespace cbr::compute {
namespace {

// Two slots overlap the host's copy with the GPU's; a third hides their jitter.
constexpr std::uint32_t upload_slots = 3;

/// Transfers are the first queue's: what comes after them on it needs no semaphore.
constexpr QueueIndex transfer_queue{0};

/// Of a ring that has so many slots on that queue.
std::uint32_t ring_size(const vulkan::Device& device, std::uint32_t slots) {
  return slots * device.queue_count();
}

void require_range(const char* function, const Buffer& buffer, std::uint64_t offset,
                   std::uint64_t size) {
  if (offset <= buffer.size() && size <= buffer.size() - offset) return;
  throw InvalidUsage(fmt::format("{}: {} bytes from offset {} exceed the buffer's size {}",
                                 function, size, offset, buffer.size()));
}

}  // namespace

Uploader::Uploader(std::shared_ptr<vulkan::Device> device, std::uint64_t chunk_size)
    : device_(std::move(device)),
      chunk_size_(chunk_size),
      staging_(device_, chunk_size * upload_slots, Placement::host_visible),
      ring_(vulkan::make_backend(device_),
            {.ring_size = ring_size(*device_, upload_slots), .name = "Upload"}),
      tickets_(upload_slots) {}

void Uploader::write(const Buffer& target, std::uint64_t offset, std::span<const std::byte> data) {
  require_range("Uploader::write", target, offset, data.size());
  while (!data.empty()) {
    const std::size_t size = std::min<std::size_t>(data.size(), chunk_size_);
    write_chunk(target, offset, data.first(size));
    offset += size;
    data = data.subspan(size);
  }
}

void Uploader::write_chunk(const Buffer& target, std::uint64_t offset,
                           std::span<const std::byte> data) {
  Lease lease = ring_.acquire({.queue = transfer_queue});
  const std::uint32_t slot = to_number(lease.slot()) / device_->queue_count();
  // The slot was free, so its last copy has ended and its staging memory may be filled again.
  if (tickets_[slot].valid()) tickets_[slot].wait();
  const std::uint64_t staging_offset = slot * chunk_size_;
  std::memcpy(staging_.bytes().data() + staging_offset, data.data(), data.size());
  Recorder recorder(*device_, vulkan::command_buffer(lease));
  recorder.copy(staging_, staging_offset, target, offset, data.size());
  recorder.barrier_with_copies();
  tickets_[slot] = std::move(lease).submit();
}

void Uploader::finish() {
  for (const Ticket& ticket : tickets_) {
    if (ticket.valid()) ticket.wait();
  }
}

std::vector<std::byte> download(const std::shared_ptr<vulkan::Device>& device, const Buffer& source,
                                std::uint64_t offset, std::uint64_t size) {
  require_range("download", source, offset, size);
  std::vector<std::byte> result(size);
  if (size == 0) return result;
  const std::uint64_t chunk_size = std::min(size, Uploader::default_chunk_size);
  const Buffer staging(device, chunk_size, Placement::host_visible);
  CommandBufferRing ring(vulkan::make_backend(device),
                         {.ring_size = ring_size(*device, 1), .name = "Download"});
  for (std::uint64_t done = 0; done < size; done += chunk_size) {
    const std::uint64_t chunk = std::min(chunk_size, size - done);
    Lease lease = ring.acquire({.queue = transfer_queue});
    Recorder recorder(*device, vulkan::command_buffer(lease));
    recorder.barrier_with_copies();
    recorder.copy(source, offset + done, staging, 0, chunk);
    recorder.barrier_to_host();
    std::move(lease).submit().wait();
    std::memcpy(result.data() + done, staging.bytes().data(), chunk);
  }
  return result;
}

}  // namespace cbr::compute
