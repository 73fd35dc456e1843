// Opening and wrapping devices, and what is refused.
#include "unit/metal/metal_ring_test.h"

namespace cbr::test {
namespace {

using metal::Generation;
using testing::HasSubstr;

class MetalDevice : public MetalBackend {
 protected:
  void* native_device() { return (__bridge void*)device(); }
  void* native_queue() { return (__bridge void*)queue(); }
};

TEST_F(MetalDevice, OpensTheSystemsDevice) {
  const auto opened = metal::Device::open({.queue_count = 2});
  EXPECT_EQ(opened->handle(), native_device());
  EXPECT_EQ(opened->info().name, "Fake Metal device");
  EXPECT_EQ(opened->generation(), Generation::metal3);
  EXPECT_EQ(opened->queue_count(), 2U);
  EXPECT_NE(opened->queue(QueueIndex{0}), opened->queue(QueueIndex{1}));
}

TEST_F(MetalDevice, SaysThatThereIsNone) {
  metal_fake::return_nil(metal_fake::Creation::device);
  EXPECT_THAT(thrown<BackendError>([] { (void)metal::Device::open(); }),
              HasSubstr("MTLCreateSystemDefaultDevice returned nil"));
}

TEST_F(MetalDevice, SaysThatThereIsNoMetal4) {
  metal_fake::set_macos_version(15);
  EXPECT_THAT(
      thrown<BackendError>([] { (void)metal::Device::open({.generation = Generation::metal4}); }),
      HasSubstr("has no Metal 4"));
  EXPECT_FALSE(metal::Device::open()->info().metal4);
}

TEST_F(MetalDevice, RefusesNumbersOutOfRange) {
  EXPECT_THAT(thrown<InvalidOption>([] { (void)metal::Device::open({.queue_count = 0}); }),
              HasSubstr("queue_count is 0"));
  EXPECT_THAT(thrown<InvalidOption>([] { (void)metal::Device::open({.max_command_buffers = 0}); }),
              HasSubstr("max_command_buffers is 0"));
}

TEST_F(MetalDevice, WrapsTheUsersQueue) {
  const auto wrapped = metal::Device::wrap({.device = native_device(), .queue = native_queue()});
  EXPECT_EQ(wrapped->queue(QueueIndex{0}), native_queue());
  auto ring = ring_on(wrapped, 2);
  ring.acquire().submit().wait();
  EXPECT_EQ(metal_fake::completed_buffers(), 1U);
}

TEST_F(MetalDevice, RefusesAMissingQueue) {
  EXPECT_THAT(thrown<InvalidUsage>([&] { (void)metal::Device::wrap({.device = native_device()}); }),
              HasSubstr("null"));
}

TEST_F(MetalDevice, RefusesAQueueNamedTwice) {
  EXPECT_THAT(
      thrown<InvalidUsage>([&] {
        (void)metal::Device::wrap(
            {.device = native_device(), .queue = native_queue(), .more_queues = {native_queue()}});
      }),
      HasSubstr("queue 1 is named twice"));
}

TEST_F(MetalDevice, RefusesAQueueOfTheOtherGeneration) {
  EXPECT_THAT(
      thrown<InvalidUsage>([&] {
        (void)metal::Device::wrap(
            {.device = native_device(), .queue = native_queue(), .generation = Generation::metal4});
      }),
      HasSubstr("MTL4CommandQueue"));
  const id<MTL4CommandQueue> queue4 = [device() newMTL4CommandQueue];
  EXPECT_THAT(
      thrown<InvalidUsage>([&] {
        (void)metal::Device::wrap({.device = native_device(), .queue = (__bridge void*)queue4});
      }),
      HasSubstr("MTLCommandQueue"));
}

TEST_F(MetalDevice, RefusesARingLargerThanTheQueuesMaximum) {
  const auto opened = metal::Device::open({.max_command_buffers = 3});
  const std::string text = thrown<InvalidOption>([&] { ring_on(opened, 4); });
  EXPECT_THAT(text, HasSubstr("ring_size is 4"));
  EXPECT_THAT(text, HasSubstr("max_command_buffers is 3"));
  // Nothing was made: the creation of a fourth would have waited for ever.
  EXPECT_EQ(metal_fake::peak_uncompleted_buffers(), 0U);
  auto ring = ring_on(opened, 3);
  EXPECT_THROW(ring.set_ring_size(4), InvalidOption);
  EXPECT_EQ(ring.ring_size(), 3U);
}

TEST_F(MetalDevice, AFullRingStaysWithinTheQueuesMaximum) {
  const auto opened = metal::Device::open({.max_command_buffers = 3});
  auto ring = ring_on(opened, 3);
  metal_fake::hold();
  for (int i = 0; i < 3; ++i) (void)ring.acquire().submit();
  EXPECT_FALSE(ring.try_acquire().has_value());
  metal_fake::release();
  ring.drain();
  EXPECT_EQ(metal_fake::blocked_creations(), 0U);
}

}  // namespace
}  // namespace cbr::test
