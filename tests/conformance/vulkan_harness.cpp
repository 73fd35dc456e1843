#include <memory>
#include <utility>
#include <vector>

#include <cbr/vulkan.h>

#include "backends/vulkan/functions.h"
#include "conformance/event_gate.h"
#include "conformance/harness.h"
#include "support/vulkan_fixture.h"

namespace cbr::test {
namespace {

constexpr const char* no_faults = "a real driver does not fail on demand";

std::uint32_t compute_queues(const vulkan::DeviceInfo& info) {
  std::uint32_t count = 0;
  for (const auto& family : info.compute_families) count += family.queue_count;
  return count;
}

class VulkanHarness final : public Harness {
 public:
  explicit VulkanHarness(std::shared_ptr<vulkan::Device> device) : device_(std::move(device)) {
    for (std::uint32_t i = 0; i < device_->queue_count(); ++i) {
      gates_.push_back(std::make_unique<EventGate>(device_, QueueIndex{i}));
    }
  }

  std::shared_ptr<Backend> backend() override { return backend_; }
  void renew() override { backend_ = vulkan::make_backend(device_); }
  std::shared_ptr<Backend> another() override { return vulkan::make_backend(device_); }

  void record(const Lease& lease) override {
    VkMemoryBarrier barrier{};
    barrier.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER;
    barrier.srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_SHADER_READ_BIT;
    vk_.vkCmdPipelineBarrier(vulkan::command_buffer(lease), VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                             VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, 0, 1, &barrier, 0, nullptr, 0,
                             nullptr);
  }

  void pause() override {
    for (const auto& gate : gates_) gate->close();
  }
  void release() override {
    for (const auto& gate : gates_) gate->open();
  }

  std::string fail_next_begin() override { return no_faults; }
  std::string fail_submit(const Lease& /*lease*/) override { return no_faults; }
  std::string fail_execution(const Lease& /*lease*/) override { return no_faults; }
  std::string hang(const Lease& /*lease*/) override { return no_faults; }
  std::string lose_device() override { return no_faults; }

 private:
  std::shared_ptr<vulkan::Device> device_;
  const vulkan::Functions& vk_ = vulkan::functions_of(*device_);
  std::shared_ptr<Backend> backend_ = vulkan::make_backend(device_);
  std::vector<std::unique_ptr<EventGate>> gates_;
};

}  // namespace

std::unique_ptr<Harness> make_vulkan_harness(std::uint32_t queue_count) {
  const auto device = validated_device();
  if (queue_count == 1) return std::make_unique<VulkanHarness>(device);
  if (compute_queues(device->info()) < queue_count) return nullptr;
  return std::make_unique<VulkanHarness>(
      open_validated(std::vector<vulkan::QueueRequest>(queue_count)));
}

}  // namespace cbr::test
