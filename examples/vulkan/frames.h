// What frames_by_hand.cpp and frames_with_ring.cpp share: the device, the memory, and what happens
// in a frame. They differ in the loop round it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>

#include <vulkan/vulkan.h>

#include "host_buffer.h"
#include "plain_device.h"

constexpr std::uint32_t frames_in_flight = 3;
constexpr std::uint32_t frame_count = 240;

/// The CPU writes the input of a frame, and the GPU puts it on the film, beside that of the frame
/// before. There is one input for each frame in flight: nobody may write it while the GPU reads it.
class Frames {
 public:
  const PlainDevice gpu;

  /// The CPU's part of a frame.
  void prepare(std::uint32_t place, std::uint32_t frame) const {
    for (std::uint32_t i = 0; i < half; ++i) input_.words()[place * half + i] = frame * frame + i;
  }

  /// The GPU's part.
  void record(VkCommandBuffer commands, std::uint32_t place, std::uint32_t frame) const {
    transfer_barrier(commands);  // After the frame before.
    const std::size_t here = frame * per_frame;
    copy(commands, input_, place * half, here);
    if (frame > 0) copy(commands, film_, here - per_frame, here + half);
    transfer_barrier(commands);
  }

  /// Once the GPU is done: what is on the film.
  void report() const {
    std::uint32_t checksum = 2166136261;  // FNV-1a, of words
    for (const std::uint32_t word : film_.words()) checksum = (checksum ^ word) * 16777619;
    std::printf("%u frames, %u in flight: checksum %08x\n", frame_count, frames_in_flight,
                checksum);
  }

 private:
  static constexpr std::size_t half = 4096;  // words
  static constexpr std::size_t per_frame = 2 * half;
  static constexpr std::size_t all_inputs = half * frames_in_flight;
  static constexpr std::size_t whole_film = per_frame * frame_count;

  void copy(VkCommandBuffer commands, const HostBuffer& source, VkDeviceSize from,
            VkDeviceSize to) const {
    const VkBufferCopy region{.srcOffset = 4 * from, .dstOffset = 4 * to, .size = 4 * half};
    vkCmdCopyBuffer(commands, source.handle(), film_.handle(), 1, &region);
  }

  const HostBuffer input_{gpu.physical_device, gpu.device, all_inputs};
  const HostBuffer film_{gpu.physical_device, gpu.device, whole_film};
};
