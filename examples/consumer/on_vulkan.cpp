// Submits work through a ring on Vulkan, without linking the Vulkan library.
#include <cstdint>
#include <cstdio>
#include <exception>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

namespace {

/// Loads a function of the device: programs that don't link the Vulkan library do it so.
template <typename Function>
Function load(const cbr::vulkan::Device& device, const char* name) {
  return reinterpret_cast<Function>(device.function(name));
}

void run() {
  const auto device = cbr::vulkan::Device::open();
  cbr::CommandBufferRing ring(cbr::vulkan::make_backend(device), {.ring_size = 3});
  const auto barrier = load<PFN_vkCmdPipelineBarrier>(*device, "vkCmdPipelineBarrier");

  VkMemoryBarrier order{};
  order.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
  order.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
  order.dstAccessMask = VK_ACCESS_SHADER_READ_BIT;
  for (int step = 0; step < 100; ++step) {
    cbr::Lease lease = ring.acquire();
    // A real program binds pipelines and dispatches here.
    barrier(cbr::vulkan::command_buffer(lease), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
            VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &order, 0, nullptr, 0, nullptr);
    std::move(lease).submit();
  }
  ring.drain();
  std::printf("%s: %llu steps completed\n", device->info().name.c_str(),
              static_cast<unsigned long long>(ring.statistics().completions));
}

}  // namespace

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
