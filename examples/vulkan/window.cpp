// A renderer on a ring: a window whose frames wait for the swapchain and signal it, in one native
// submission each. Resizing and minimising are survived.
//
//   build/examples/window [FRAMES]    (README.md beside this folder says how to build it)
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <utility>

#include <cbr/ring.h>
#include <cbr/vulkan.h>

#include "plain_window.h"

namespace {

constexpr std::uint32_t frames_in_flight = 2;

class Renderer {
 public:
  Renderer() {
    for (VkSemaphore& semaphore : image_available_) semaphore = window_.make_semaphore();
  }
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;
  ~Renderer() {
    vkDeviceWaitIdle(window_.device);
    for (const VkSemaphore semaphore : image_available_) {
      vkDestroySemaphore(window_.device, semaphore, nullptr);
    }
  }

  /// Returns how many frames were shown.
  std::uint32_t run(std::uint32_t most) {
    std::uint32_t frame = 0;
    while (frame < most && window_.handle_events()) {
      if (window_.was_resized()) change();
      if (draw(frame)) ++frame;
    }
    ring_.drain();
    return frame;
  }

 private:
  /// False if the window has changed, and the frame has to be drawn anew.
  bool draw(std::uint32_t frame) {
    const Swapchain& swapchain = window_.swapchain;
    cbr::Lease lease = ring_.acquire();
    // The slot's frame before has ended, and has used its semaphore up.
    const VkSemaphore available = image_available_[cbr::to_number(lease.slot())];
    std::uint32_t image = 0;
    const VkResult acquired = vkAcquireNextImageKHR(window_.device, swapchain.handle,
                                                    std::numeric_limits<std::uint64_t>::max(),
                                                    available, VK_NULL_HANDLE, &image);
    if (acquired == VK_ERROR_OUT_OF_DATE_KHR) {
      lease.discard();
      change();
      return false;
    }
    if (acquired != VK_SUBOPTIMAL_KHR) check(acquired, "vkAcquireNextImageKHR");
    record(cbr::vulkan::command_buffer(lease), image, frame);

    const VkSemaphore drawn = swapchain.drawn[image];
    cbr::vulkan::submit(std::move(lease),
                        {.wait = {{available, {}, VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT}},
                         .signal = {{drawn}}});

    VkPresentInfoKHR present{};
    present.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR;
    present.waitSemaphoreCount = 1;
    present.pWaitSemaphores = &drawn;
    present.swapchainCount = 1;
    present.pSwapchains = &swapchain.handle;
    present.pImageIndices = &image;
    const VkResult presented = vkQueuePresentKHR(window_.queue, &present);
    if (presented == VK_SUCCESS) return true;
    if (presented != VK_SUBOPTIMAL_KHR && presented != VK_ERROR_OUT_OF_DATE_KHR) {
      check(presented, "vkQueuePresentKHR");
    }
    change();
    return presented == VK_SUBOPTIMAL_KHR;  // It was shown all the same.
  }

  void change() {
    ring_.drain();
    window_.remake_swapchain();
  }

  /// A square that wanders over a dark ground.
  void record(VkCommandBuffer commands, std::uint32_t image, std::uint32_t frame) const {
    const VkExtent2D extent = window_.swapchain.extent;
    // The first scope is the stage that waited for the image.
    window_.transition(commands, image, VK_IMAGE_LAYOUT_UNDEFINED,
                       VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL);
    VkRenderingAttachmentInfo target{};
    target.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO;
    target.imageView = window_.swapchain.views[image];
    target.imageLayout = VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL;
    target.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    target.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    target.clearValue.color = {{0.0F, 0.0F, 0.2F, 1.0F}};
    VkRenderingInfo rendering{};
    rendering.sType = VK_STRUCTURE_TYPE_RENDERING_INFO;
    rendering.renderArea.extent = extent;
    rendering.layerCount = 1;
    rendering.colorAttachmentCount = 1;
    rendering.pColorAttachments = &target;
    vkCmdBeginRendering(commands, &rendering);
    const std::uint32_t side = std::min(extent.width, extent.height) / 4;
    const auto x = static_cast<std::int32_t>(frame * 2 % (extent.width - side + 1));
    const VkClearAttachment colour{VK_IMAGE_ASPECT_COLOR_BIT, 0, {{{1.0F, 0.6F, 0.0F, 1.0F}}}};
    const VkClearRect square{{{x, static_cast<std::int32_t>(side)}, {side, side}}, 0, 1};
    if (side > 0) vkCmdClearAttachments(commands, 1, &colour, 1, &square);
    vkCmdEndRendering(commands);
    window_.transition(commands, image, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL,
                       VK_IMAGE_LAYOUT_PRESENT_SRC_KHR);
  }

  PlainWindow window_{"Command Buffer Ring", 640, 360};
  std::array<VkSemaphore, frames_in_flight> image_available_{};
  cbr::CommandBufferRing ring_{cbr::vulkan::make_backend(cbr::vulkan::Device::wrap(
                                   {.instance = window_.instance,
                                    .physical_device = window_.physical_device,
                                    .device = window_.device,
                                    .queue = window_.queue,
                                    .queue_family = window_.queue_family,
                                    .synchronization2 = true})),
                               {.ring_size = frames_in_flight, .name = "Frames"}};
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::uint32_t most = argc > 1
                                   ? static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 10))
                                   : std::numeric_limits<std::uint32_t>::max();
    std::printf("%u frames\n", Renderer().run(most));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "window: %s\n", error.what());
    return 1;
  }
}
