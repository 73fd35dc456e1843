// A ring on a device and queue that the program has opened itself, and submits to as well.
#include <atomic>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/ring.h>

#include "backends/vulkan/functions.h"
#include "backends/vulkan/result.h"
#include "support/vulkan_fixture.h"

namespace cbr::vulkan {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

/// The handles of the validated device, as a program of the user's would hold them.
WrapOptions handles(const Device& device) {
  return {.instance = device.instance(),
          .physical_device = device.physical_device(),
          .device = device.handle(),
          .queue = device.queue(),
          .queue_family = device.queue_family(),
          .get_instance_proc_addr = functions_of(device).vkGetInstanceProcAddr};
}

TEST(WrappedDevice, RunsARing) {
  const auto owner = test::validated_device();
  {
    CommandBufferRing ring(make_backend(Device::wrap(handles(*owner))));
    for (int i = 0; i < 10; ++i) ring.acquire().submit();
    ring.drain();
    EXPECT_EQ(ring.statistics().completions, 10U);
  }
  // The device is still the user's.
  check(functions_of(*owner).vkDeviceWaitIdle(owner->handle()), "vkDeviceWaitIdle");
}

TEST(WrappedDevice, TakesTheUsersLockAroundEachSubmission) {
  const auto owner = test::validated_device();
  std::mutex queue_mutex;
  std::atomic<int> locks = 0;
  WrapOptions options = handles(*owner);
  options.lock_queue = [&] {
    queue_mutex.lock();
    ++locks;
  };
  options.unlock_queue = [&] { queue_mutex.unlock(); };
  const auto device = Device::wrap(options);
  CommandBufferRing ring(make_backend(device));

  // The user's own thread submits to the same queue meanwhile; validation watches both.
  std::thread user([&] {
    const VkSubmitInfo empty{
        VK_STRUCTURE_TYPE_SUBMIT_INFO, nullptr, 0, nullptr, nullptr, 0, nullptr, 0, nullptr};
    for (int i = 0; i < 200; ++i) {
      const std::lock_guard guard(queue_mutex);
      check(functions_of(*owner).vkQueueSubmit(owner->queue(), 1, &empty, VK_NULL_HANDLE),
            "vkQueueSubmit");
    }
  });
  for (int i = 0; i < 200; ++i) ring.acquire().submit();
  user.join();
  ring.drain();
  EXPECT_EQ(locks, 200);
  EXPECT_TRUE(queue_mutex.try_lock());
  queue_mutex.unlock();
}

TEST(WrappedDevice, RefusesWhatIsIncomplete) {
  const auto owner = test::validated_device();
  EXPECT_THROW((void)Device::wrap({}), InvalidUsage);
  WrapOptions no_queue = handles(*owner);
  no_queue.queue = VK_NULL_HANDLE;
  EXPECT_THROW((void)Device::wrap(no_queue), InvalidUsage);
  WrapOptions half_a_lock = handles(*owner);
  half_a_lock.lock_queue = [] {};
  EXPECT_THROW((void)Device::wrap(half_a_lock), InvalidUsage);
  WrapOptions wrong_family = handles(*owner);
  wrong_family.queue_family = 77;
  EXPECT_THROW((void)Device::wrap(wrong_family), InvalidUsage);
  WrapOptions wrong_priority = handles(*owner);
  wrong_priority.queue_priority = -1;
  EXPECT_THROW((void)Device::wrap(wrong_priority), InvalidOption);
}

TEST(WrappedDevice, ChecksFurtherQueuesTheSameWay) {
  const auto owner = test::validated_device();
  WrapOptions options = handles(*owner);
  options.more_queues = {{.queue = owner->queue(), .queue_family = owner->queue_family()}};
  EXPECT_THAT([&] { (void)Device::wrap(options); },
              ThrowsMessage<InvalidUsage>(HasSubstr("queue 1 is the same VkQueue as queue 0")));
  options.more_queues = {{.queue_family = owner->queue_family()}};
  EXPECT_THAT([&] { (void)Device::wrap(options); },
              ThrowsMessage<InvalidUsage>(HasSubstr("queue 1 is null")));
  options.more_queues = {{.queue = owner->queue(), .lock_queue = [] {}}};
  EXPECT_THAT([&] { (void)Device::wrap(options); },
              ThrowsMessage<InvalidUsage>(HasSubstr("of queue 1 together")));
  options.more_queues.assign(64, {.queue = owner->queue()});
  EXPECT_THROW((void)Device::wrap(options), InvalidOption);
}

}  // namespace
}  // namespace cbr::vulkan
