#include <cbr/vulkan.h>

#include "backends/vulkan/functions.h"
#include "conformance/event_gate.h"
#include "conformance/harness.h"
#include "support/vulkan_fixture.h"

namespace cbr::test {
namespace {

constexpr const char* no_faults = "a real driver does not fail on demand";

class VulkanHarness final : public Harness {
 public:
  std::shared_ptr<Backend> backend() override { return backend_; }
  void renew() override { backend_ = vulkan::make_backend(device_); }

  void record(const Lease& lease) override {
    VkMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT;
    vk_.vkCmdPipelineBarrier(vulkan::command_buffer(lease), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                             VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, nullptr, 0,
                             nullptr);
  }

  // With several queues, a gate for each.
  void pause() override { gate_.close(); }
  void release() override { gate_.open(); }

  std::string fail_next_begin() override { return no_faults; }
  std::string fail_submit(const Lease& /*lease*/) override { return no_faults; }
  std::string fail_execution(const Lease& /*lease*/) override { return no_faults; }
  std::string hang(const Lease& /*lease*/) override { return no_faults; }
  std::string lose_device() override { return no_faults; }

 private:
  std::shared_ptr<vulkan::Device> device_ = validated_device();
  const vulkan::Functions& vk_ = device_->functions();
  std::shared_ptr<Backend> backend_ = vulkan::make_backend(device_);
  EventGate gate_{device_};
};

}  // namespace

std::unique_ptr<Harness> make_vulkan_harness(std::uint32_t queue_count) {
  // The device under test is opened with one queue.
  if (queue_count > 1) return nullptr;
  return std::make_unique<VulkanHarness>();
}

}  // namespace cbr::test
