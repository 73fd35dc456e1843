#include "backends/vulkan/vulkan_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "support/vulkan_fixture.h"

namespace cbr::vulkan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::ThrowsMessage;

TEST(Device, DescribesItself) {
  const auto device = test::validated_device();
  EXPECT_THAT(device->info().name, Not(IsEmpty()));
  EXPECT_THAT(device->info().driver, Not(IsEmpty()));
  EXPECT_TRUE(device->info().timeline_semaphores);
  EXPECT_EQ(device->info().why_unusable(), "");
  EXPECT_NE(device->function("vkCmdDispatch"), nullptr);
  EXPECT_EQ(device->function("vkNoSuchFunction"), nullptr);
}

TEST(Device, IsInTheList) {
  const auto devices = list_devices();
  ASSERT_THAT(devices, Not(IsEmpty()));
  for (std::uint32_t i = 0; i < devices.size(); ++i) EXPECT_EQ(devices[i].index, i);
}

TEST(Device, AnUnknownOneIsRefused) {
  EXPECT_THAT([] { (void)Device::open({.device = "no such thing"}); },
              ThrowsMessage<BackendError>(HasSubstr("no Vulkan device 'no such thing'")));
}

TEST(Device, ABackendNeedsOne) {
  EXPECT_THROW((void)make_backend(nullptr), InvalidUsage);
}

TEST(Device, TheSanityOfValidationIsChecked) {
  // Asks for something illegal, to see that a message arrives: otherwise silence proves nothing.
  const auto device = test::validated_device();
  const auto& vk = functions_of(*device);
  VkCommandPoolCreateInfo pool{};
  pool.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO;
  pool.queueFamilyIndex = 1000;
  VkCommandPool handle = VK_NULL_HANDLE;
  vk.vkCreateCommandPool(device->handle(), &pool, nullptr, &handle);
  EXPECT_THAT(test::take_validation_messages(), Not(IsEmpty()));
}

TEST(Device, TwoRingsShareOneQueue) {
  const auto device = test::validated_device();
  CommandBufferRing first(make_backend(device), {.ring_size = 2, .name = "First"});
  CommandBufferRing second(make_backend(device), {.ring_size = 2, .name = "Second"});
  for (int i = 0; i < 5; ++i) {
    first.acquire().discard();
    EXPECT_EQ(first.acquire().submit().serial().value(), static_cast<std::uint64_t>(i) + 1);
    second.acquire().submit().wait();
  }
  EXPECT_EQ(first.statistics().submissions, 5U);
}

TEST(Device, ALeaseOfAnotherApiIsRefused) {
  CommandBufferRing ring(simulated::make_gpu());
  Lease lease = ring.acquire();
  EXPECT_THROW((void)command_buffer(lease), InvalidUsage);
  lease.discard();
  CommandBufferRing vulkan_ring(make_backend(test::validated_device()));
  Lease vulkan_lease = vulkan_ring.acquire();
  EXPECT_NE(command_buffer(vulkan_lease), VK_NULL_HANDLE);
  EXPECT_THROW(simulated::record(vulkan_lease, {}), InvalidUsage);
  vulkan_lease.discard();
}

}  // namespace
}  // namespace cbr::vulkan
