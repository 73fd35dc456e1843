// In a forked child, what was made on the device leaves the driver alone.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <gtest/gtest.h>
#include <shaders/empty.h>

#include "backends/vulkan/functions.h"
#include "compute/buffer.h"
#include "compute/kernel.h"
#include "support/vulkan_fixture.h"

namespace cbr::compute {
namespace {

int destructions = 0;

/// The validated device as its owner and a forked child see it. Counts what is destroyed.
class SharedDevice final : public vulkan::Device {
 public:
  SharedDevice() {
    functions_.vkDestroyBuffer = [](VkDevice device, VkBuffer buffer, const auto* allocator) {
      ++destructions;
      test::validated_device()->functions().vkDestroyBuffer(device, buffer, allocator);
    };
    functions_.vkDestroyPipeline = [](VkDevice device, VkPipeline pipeline, const auto* allocator) {
      ++destructions;
      test::validated_device()->functions().vkDestroyPipeline(device, pipeline, allocator);
    };
  }

  /// From here on this stands for the device in the child.
  void fork() { same_process_ = false; }

  [[nodiscard]] const vulkan::DeviceInfo& info() const noexcept override { return owner_->info(); }
  [[nodiscard]] VkInstance instance() const noexcept override { return owner_->instance(); }
  [[nodiscard]] VkPhysicalDevice physical_device() const noexcept override {
    return owner_->physical_device();
  }
  [[nodiscard]] VkDevice handle() const noexcept override { return owner_->handle(); }
  [[nodiscard]] std::uint32_t queue_count() const noexcept override { return 1; }
  [[nodiscard]] VkQueue queue(QueueIndex queue) const noexcept override {
    return owner_->queue(queue);
  }
  [[nodiscard]] std::uint32_t queue_family(QueueIndex queue) const noexcept override {
    return owner_->queue_family(queue);
  }
  [[nodiscard]] float queue_priority(QueueIndex queue) const noexcept override {
    return owner_->queue_priority(queue);
  }
  [[nodiscard]] PFN_vkVoidFunction function(const char* name) const noexcept override {
    return owner_->function(name);
  }
  [[nodiscard]] const vulkan::Functions& functions() const noexcept override { return functions_; }
  [[nodiscard]] bool same_process() const noexcept override { return same_process_; }
  void submit(QueueIndex queue, const VkSubmitInfo& submission) override {
    owner_->submit(queue, submission);
  }

 private:
  std::shared_ptr<vulkan::Device> owner_ = test::validated_device();
  vulkan::Functions functions_ = owner_->functions();
  bool same_process_ = true;
};

class ForkedChildTest : public testing::Test {
 protected:
  void SetUp() override { destructions = 0; }
  /// What the child leaves lying is the parent's to destroy: here, the test's.
  std::shared_ptr<SharedDevice> device_ = std::make_shared<SharedDevice>();
};

TEST_F(ForkedChildTest, TheOwnerDestroysBuffersAndKernels) {
  {
    const Buffer buffer(device_, 64, Placement::host_visible);
    const Kernel kernel(device_, empty_spv, {.name = "empty"});
  }
  EXPECT_EQ(destructions, 2);
}

TEST_F(ForkedChildTest, TheChildLeavesABufferAsItLies) {
  std::optional<Buffer> buffer(std::in_place, device_, 64, Placement::host_visible);
  const VkBuffer handle = buffer->handle();
  device_->fork();
  buffer.reset();
  EXPECT_EQ(destructions, 0);
  test::validated_device()->functions().vkDestroyBuffer(device_->handle(), handle, nullptr);
}

TEST_F(ForkedChildTest, TheChildLeavesAKernelAsItLies) {
  std::optional<Kernel> kernel(std::in_place, device_, empty_spv, KernelOptions{.name = "empty"});
  device_->fork();
  kernel.reset();
  EXPECT_EQ(destructions, 0);
}

}  // namespace
}  // namespace cbr::compute
