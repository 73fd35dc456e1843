// Buffers that are made while the GPU runs the one before.
#include <gtest/gtest.h>

#include "support/eventually.h"
#include "unit/metal/metal_ring.h"

namespace cbr::metal {
namespace {

BackendOptions ahead() {
  BackendOptions options;
  options.make_ahead = true;
  return options;
}

TEST(MakeAhead, MakesTheNextBufferOnceOneIsSubmitted) {
  CommandBufferRing ring(make_backend(Device::open(), ahead()), {.ring_size = 1});
  metal_fake::hold();
  ring.acquire().submit();
  EXPECT_EQ(metal_fake::live_objects("FakeCommandBuffer"), 2);
  metal_fake::release();
  metal_fake::wait_until_idle();
  EXPECT_EQ(metal_fake::live_objects("FakeCommandBuffer"), 1) << "the one that is ready";
  // It is there already: that none can be made any more does no harm.
  metal_fake::return_nil(metal_fake::Creation::command_buffer);
  Lease lease = ring.acquire();
  @autoreleasepool {
    EXPECT_STREQ(native(lease).label.UTF8String, "CommandRing #0");
  }
  std::move(lease).submit().wait();
}

TEST(MakeAhead, IsOffUnlessAskedFor) {
  CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 1});
  ring.acquire().submit().wait();
  metal_fake::wait_until_idle();
  EXPECT_EQ(metal_fake::live_objects("FakeCommandBuffer"), 0);
}

TEST(MakeAhead, AFailureIsForTheNextBeginToTryAgain) {
  CommandBufferRing ring(make_backend(Device::open(), ahead()), {.ring_size = 1});
  Lease lease = ring.acquire();
  metal_fake::return_nil(metal_fake::Creation::command_buffer);
  std::move(lease).submit().wait();
  metal_fake::wait_until_idle();
  EXPECT_EQ(metal_fake::live_objects("FakeCommandBuffer"), 0);
  ring.acquire().submit().wait();
}

// Of a queue that is full to the brim, and whose maximum counts a buffer until its handlers have
// run: were they to make the next one, they would wait for themselves.
TEST(MakeAhead, TakesAtMostTwoOfTheQueuesMaximumASlot) {
  EXPECT_THROW(CommandBufferRing(make_backend(Device::open({.max_command_buffers = 7}), ahead()),
                                 {.ring_size = 4}),
               InvalidOption);
  CommandBufferRing ring(make_backend(Device::open({.max_command_buffers = 8}), ahead()),
                         {.ring_size = 4});
  for (int i = 0; i < 500; ++i) {
    Lease lease = ring.acquire();
    if (i % 7 == 0) {
      lease.discard();
    } else {
      std::move(lease).submit();
    }
  }
  ring.drain();
  EXPECT_LE(metal_fake::peak_uncompleted_buffers(), 8U);
}

TEST(MakeAhead, ShrinkingTheRingDropsWhatWasMade) {
  CommandBufferRing ring(make_backend(Device::open(), ahead()), {.ring_size = 4});
  for (int i = 0; i < 4; ++i) ring.acquire().submit();
  ring.drain();
  metal_fake::wait_until_idle();
  ring.set_ring_size(1);
  EXPECT_EQ(metal_fake::live_objects("FakeCommandBuffer"), 1);
}

}  // namespace
}  // namespace cbr::metal
