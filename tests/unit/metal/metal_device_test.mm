// Opening and wrapping devices, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/simulated.h>

#include "unit/metal/metal_ring.h"

namespace cbr::metal {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(MetalDevice, TellsWhatItIs) {
  const auto device = Device::open();
  EXPECT_EQ(device->info().name, "Fake Metal device");
  EXPECT_NE(device->info().registry_id, 0U);
  EXPECT_TRUE(device->info().metal4);
  EXPECT_EQ(device->generation(), Generation::metal3);
  EXPECT_EQ(device->queue_count(), 1U);
  metal_fake::set_macos_version(15);
  EXPECT_FALSE(Device::open()->info().metal4);
}

TEST(MetalDevice, WithoutADefaultIsTheFirstOfAll) {
  const std::uint64_t id = Device::open()->info().registry_id;
  metal_fake::return_nil(metal_fake::Creation::device);
  EXPECT_EQ(Device::open()->info().registry_id, id);
}

TEST(MetalDevice, NoneIsAnError) {
  // Neither as the default nor among all.
  metal_fake::return_nil(metal_fake::Creation::device, 2);
  EXPECT_THAT([] { (void)Device::open(); },
              ThrowsMessage<BackendError>(HasSubstr("MTLCreateSystemDefaultDevice returned nil")));
}

TEST(MetalDevice, AQueueThatCannotBeMadeIsAnError) {
  metal_fake::return_nil(metal_fake::Creation::queue, 1, 1);
  EXPECT_THAT([] { (void)Device::open({.queue_count = 3}); },
              ThrowsMessage<BackendError>(HasSubstr("no command queue 1 of 3")));
}

TEST(MetalDevice, Metal4WhereThereIsNoneIsAnError) {
  metal_fake::set_macos_version(15, 4);
  EXPECT_THAT([] { (void)Device::open({.generation = Generation::metal4}); },
              ThrowsMessage<BackendError>(AllOf(HasSubstr("no Metal 4"), HasSubstr("macOS 26"))));
  // Metal 3 is there.
  CommandBufferRing ring(make_backend(Device::open()));
  ring.acquire().submit().wait();
}

TEST(MetalDevice, NumbersOutOfRangeAreErrors) {
  EXPECT_THAT([] { (void)Device::open({.queue_count = 0}); },
              ThrowsMessage<InvalidOption>(HasSubstr("queue_count is 0, allowed are 1 to 64")));
  EXPECT_THAT([] { (void)Device::open({.queue_count = 65}); },
              ThrowsMessage<InvalidOption>(HasSubstr("queue_count is 65")));
  EXPECT_THAT([] { (void)Device::open({.max_command_buffers = 0}); },
              ThrowsMessage<InvalidOption>(HasSubstr("max_command_buffers is 0")));
}

class WrappedMetalDevice : public testing::Test {
 protected:
  void SetUp() override {
    @autoreleasepool {
      device_ = MTLCreateSystemDefaultDevice();
      queue_ = [device_ newCommandQueue];
      queue4_ = [device_ newMTL4CommandQueue];
    }
  }
  static void* handle(id object) { return (__bridge void*)object; }

  id<MTLDevice> device_ = nil;
  id<MTLCommandQueue> queue_ = nil;
  id<MTL4CommandQueue> queue4_ = nil;
};

TEST_F(WrappedMetalDevice, RunsARingOnTheUsersQueue) {
  const auto device = Device::wrap({.device = handle(device_), .queue = handle(queue_)});
  EXPECT_EQ(device->handle(), handle(device_));
  EXPECT_EQ(device->queue(QueueIndex{0}), handle(queue_));
  CommandBufferRing ring(make_backend(device));
  Lease lease = ring.acquire();
  @autoreleasepool {
    EXPECT_EQ(native(lease).commandQueue, queue_);
    // The user's own work goes to it as well.
    [[queue_ commandBuffer] commit];
  }
  std::move(lease).submit().wait();
}

TEST_F(WrappedMetalDevice, RunsARingOnTheUsersMetal4Queue) {
  const auto device = Device::wrap({.queue = handle(queue4_), .generation = Generation::metal4});
  EXPECT_EQ(device->handle(), handle(device_)) << "the queue's own";
  CommandBufferRing ring(make_backend(device));
  for (int i = 0; i < 7; ++i) ring.acquire().submit();
  ring.drain();
}

TEST_F(WrappedMetalDevice, KeepsWhatItWraps) {
  std::shared_ptr<Device> device;
  @autoreleasepool {
    device = Device::wrap({.device = handle(device_), .queue = handle(queue_)});
    queue_ = nil;
    device_ = nil;
  }
  CommandBufferRing ring(make_backend(device));
  ring.acquire().submit().wait();
}

TEST_F(WrappedMetalDevice, AQueueOfAnotherDeviceIsAnError) {
  // The system's device is one object as long as somebody has it: this makes another.
  id<MTLDevice> other = [[(Class)[(NSObject*)device_ class] alloc] init];
  EXPECT_THAT([&] { (void)Device::wrap({.device = handle(other), .queue = handle(queue_)}); },
              ThrowsMessage<InvalidUsage>(
                  AllOf(HasSubstr("queue 0 belongs to the device"), HasSubstr("not to"))));
}

TEST_F(WrappedMetalDevice, QueuesThatAreMissingOrNamedTwiceAreErrors) {
  EXPECT_THAT([] { (void)Device::wrap({}); },
              ThrowsMessage<InvalidUsage>(HasSubstr("the queue is null")));
  EXPECT_THAT([&] { (void)Device::wrap({.queue = handle(queue_), .more_queues = {nullptr}}); },
              ThrowsMessage<InvalidUsage>(HasSubstr("queue 1 is null")));
  EXPECT_THAT(
      [&] { (void)Device::wrap({.queue = handle(queue_), .more_queues = {handle(queue_)}}); },
      ThrowsMessage<InvalidUsage>(HasSubstr("queue 1 is named twice")));
}

TEST_F(WrappedMetalDevice, WhatIsNoQueueIsAnError) {
  @autoreleasepool {
    // It has no `device` to be asked for.
    NSString* const text = [NSString stringWithUTF8String:"no queue"];
    EXPECT_THAT([&] { (void)Device::wrap({.queue = (__bridge void*)text}); },
                ThrowsMessage<InvalidUsage>(HasSubstr("queue 0 is no MTLCommandQueue")));
  }
}

TEST_F(WrappedMetalDevice, AQueueOfTheOtherGenerationIsAnError) {
  EXPECT_THAT(
      [&] { (void)Device::wrap({.queue = handle(queue_), .generation = Generation::metal4}); },
      ThrowsMessage<InvalidUsage>(HasSubstr("queue 0 is no MTL4CommandQueue")));
  EXPECT_THAT([&] { (void)Device::wrap({.queue = handle(queue4_)}); },
              ThrowsMessage<InvalidUsage>(HasSubstr("queue 0 is no MTLCommandQueue")));
}

TEST(MetalBackend, ARingLargerThanTheQueuesMaximumIsAnError) {
  const auto device = Device::open({.max_command_buffers = 4});
  EXPECT_THAT(
      [&] { CommandBufferRing(make_backend(device), {.ring_size = 5}); },
      ThrowsMessage<InvalidOption>(AllOf(HasSubstr("ring_size is 5, which takes 5 command buffers"),
                                         HasSubstr("max_command_buffers is 4"))));
  // Nothing was made: the fifth would have waited for ever.
  EXPECT_EQ(metal_fake::peak_uncompleted_buffers(), 0U);
  CommandBufferRing ring(make_backend(device), {.ring_size = 4});
  EXPECT_THROW(ring.set_ring_size(5), InvalidOption);
  EXPECT_EQ(ring.ring_size(), 4U);
  // The whole ring, and no creation has to wait.
  std::vector<Lease> leases;
  while (auto lease = ring.try_acquire()) leases.push_back(std::move(*lease));
  EXPECT_EQ(leases.size(), 4U);
  EXPECT_EQ(metal_fake::blocked_creations(), 0U);
  for (Lease& lease : leases) lease.discard();
}

TEST(MetalBackend, EachQueueHasAMaximumOfItsOwn) {
  const auto device = Device::open({.queue_count = 2, .max_command_buffers = 4});
  EXPECT_THROW(CommandBufferRing(make_backend(device), {.ring_size = 9}), InvalidOption);
  const CommandBufferRing ring(make_backend(device), {.ring_size = 8});
}

TEST(MetalBackend, Metal4QueuesHaveNoMaximum) {
  const auto device = Device::open({.generation = Generation::metal4, .max_command_buffers = 1});
  CommandBufferRing ring(make_backend(device), {.ring_size = 100});
  for (int i = 0; i < 200; ++i) ring.acquire().submit();
  ring.drain();
}

TEST(MetalBackend, NeedsADevice) {
  EXPECT_THROW((void)make_backend(nullptr), InvalidUsage);
}

TEST(MetalBackend, GivesBuffersOfItsGenerationAlone) {
  CommandBufferRing ring3(make_backend(Device::open()));
  CommandBufferRing ring4(make_backend(Device::open({.generation = Generation::metal4})));
  CommandBufferRing simulated(simulated::make_gpu());
  Lease lease3 = ring3.acquire();
  Lease lease4 = ring4.acquire();
  Lease foreign = simulated.acquire();
  EXPECT_THAT([&] { (void)command_buffer(lease4); },
              ThrowsMessage<InvalidUsage>(HasSubstr("metal::command_buffer4 gives")));
  EXPECT_THAT([&] { (void)command_buffer4(lease3); },
              ThrowsMessage<InvalidUsage>(HasSubstr("metal::command_buffer gives")));
  EXPECT_THAT([&] { (void)command_buffer(foreign); },
              ThrowsMessage<InvalidUsage>(HasSubstr("a ring of another API")));
  lease3.discard();
  lease4.discard();
  foreign.discard();
  EXPECT_THROW((void)command_buffer(lease3), InvalidUsage);
}

TEST(MetalBackend, WhatOneRingLearnsOfALossAllOfTheDeviceKnow) {
  const auto device = Device::open();
  const auto silent = [](const LogMessage&) {};
  CommandBufferRing one(make_backend(device), {.log_sink = silent});
  CommandBufferRing other(make_backend(device), {.log_sink = silent});
  metal_fake::remove_device();
  EXPECT_THAT(failure_of<DeviceLost>(one.acquire().submit()),
              HasSubstr("MTLCommandBufferErrorDeviceRemoved (11)"));
  EXPECT_THROW((void)other.acquire(), DeviceLost);
  EXPECT_THROW(CommandBufferRing(make_backend(device)), DeviceLost);
}

}  // namespace
}  // namespace cbr::metal
