// In a forked child, what was made on the device leaves the driver alone.
#include <functional>
#include <optional>

#include <gtest/gtest.h>
#include <shaders/empty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cbr/ring.h>

#include "compute/buffer.h"
#include "compute/kernel.h"
#include "support/vulkan_fixture.h"
#include "support/vulkan_shim.h"

namespace cbr::compute {
namespace {

class ForkedChildTest : public testing::Test {
 public:
  ~ForkedChildTest() override {
    device_.reset();
    shim_.reset();
  }

 protected:
  ForkedChildTest() {
    shim_.reset();
    device_ = test::VulkanShim::wrap(*test::validated_device());
  }

  /// How many calls of the driver `work` makes in a child.
  [[nodiscard]] std::uint64_t calls_in_child(const std::function<void()>& work) const {
    const pid_t child = fork();
    if (child == 0) {
      const std::uint64_t before = shim_.calls();
      work();
      // Nothing of the parent's is torn down here.
      _exit(static_cast<int>(shim_.calls() - before));
    }
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
  }

  test::VulkanShim& shim_ = test::VulkanShim::get();
  std::shared_ptr<vulkan::Device> device_;
};

TEST_F(ForkedChildTest, TheOwnerDestroysBuffersAndKernels) {
  {
    const Buffer buffer(device_, 64, Placement::host_visible);
    const Kernel kernel(device_, empty_spv, {.name = "empty"});
  }
  EXPECT_EQ(shim_.vkDestroyBuffer.calls(), 1U);
  EXPECT_EQ(shim_.vkFreeMemory.calls(), 1U);
  EXPECT_EQ(shim_.vkDestroyPipeline.calls(), 1U);
  EXPECT_EQ(shim_.vkDestroyPipelineLayout.calls(), 1U);
}

TEST_F(ForkedChildTest, TheChildLeavesABufferAsItLies) {
  std::optional<Buffer> buffer(std::in_place, device_, 64, Placement::host_visible);
  EXPECT_EQ(calls_in_child([&] { buffer.reset(); }), 0U);
}

TEST_F(ForkedChildTest, TheChildLeavesAKernelAsItLies) {
  std::optional<Kernel> kernel(std::in_place, device_, empty_spv, KernelOptions{.name = "empty"});
  EXPECT_EQ(calls_in_child([&] { kernel.reset(); }), 0U);
}

TEST_F(ForkedChildTest, TheChildLeavesASlotAndTheDeviceAsTheyLie) {
  const auto backend = vulkan::make_backend(device_);
  backend->attach({.ring_size = 1, .ring_name = "Forked"});
  (void)backend->begin(SlotIndex{0});
  std::unique_ptr<NativeSlot> slot = backend->abandon(SlotIndex{0});
  EXPECT_EQ(calls_in_child([&] {
              slot.reset();
              device_.reset();
            }),
            0U);
  backend->detach();
}

TEST_F(ForkedChildTest, TheChildLeavesTheSemaphoreOfAPointAsItLies) {
  std::optional<CommandBufferRing> ring(std::in_place, vulkan::make_backend(device_),
                                        RingOptions{.ring_size = 1});
  const Ticket ticket = ring->acquire().submit();
  vulkan::SemaphorePoint point = vulkan::timeline_point(ticket);
  ticket.wait();
  ring.reset();
  EXPECT_EQ(calls_in_child([&] { point = {}; }), 0U);
}

}  // namespace
}  // namespace cbr::compute
