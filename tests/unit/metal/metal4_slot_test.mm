// What is Metal 4's alone: buffers and allocators that serve again.
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/metal/metal_ring.h"

namespace cbr::metal {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::shared_ptr<Backend> metal4_backend() {
  return make_backend(Device::open({.generation = Generation::metal4}));
}

TEST(Metal4Slot, UsesItsBufferAndAllocatorAgain) {
  CommandBufferRing ring(metal4_backend(), {.ring_size = 3});
  std::set<void*> buffers;
  for (int i = 0; i < 30; ++i) {
    Lease lease = ring.acquire();
    buffers.insert(command_buffer4(lease));
    encode(native4(lease));
    std::move(lease).submit();
  }
  ring.drain();
  EXPECT_EQ(buffers.size(), 3U);
  EXPECT_EQ(metal_fake::live_objects("Fake4CommandAllocator"), 3);
  EXPECT_EQ(metal_fake::live_objects("Fake4CommandBuffer"), 3);
}

TEST(Metal4Slot, CarriesItsLabel) {
  CommandBufferRing ring(metal4_backend(), {.ring_size = 2, .name = "Decode"});
  Lease lease = ring.acquire();
  @autoreleasepool {
    EXPECT_STREQ(native4(lease).label.UTF8String, "Decode #0");
  }
  lease.discard();
}

TEST(Metal4Slot, ADiscardedRecordingDoesNotRun) {
  CommandBufferRing ring(metal4_backend(), {.ring_size = 1});
  for (int i = 0; i < 3; ++i) {
    Lease lease = ring.acquire();
    encode(native4(lease));
    lease.discard();
  }
  EXPECT_EQ(metal_fake::completed_buffers(), 0U);
  ring.acquire().submit().wait();
  EXPECT_EQ(metal_fake::completed_buffers(), 1U);
}

TEST(Metal4Slot, ALeaseDroppedWhileAnEncoderIsOpenFreesTheSlot) {
  CommandBufferRing ring(metal4_backend(), {.ring_size = 1});
  @autoreleasepool {
    Lease lease = ring.acquire();
    id<MTL4ComputeCommandEncoder> encoder = [native4(lease) computeCommandEncoder];
    // As where encoding throws.
    lease.discard();
    [encoder endEncoding];
  }
  ring.acquire().submit().wait();
}

TEST(Metal4Slot, CompletesEachByItselfWhateverTheOrder) {
  CommandBufferRing ring(metal4_backend(), {.ring_size = 4});
  metal_fake::set_completion_group(4);
  // Metal ends the program if an allocator is reset too early.
  for (int i = 0; i < 40; ++i) ring.acquire().submit();
  ring.drain();
  EXPECT_EQ(ring.statistics().completions, 40U);
}

TEST(Metal4Slot, TellsTheErrorOfItsCommit) {
  CommandBufferRing ring(metal4_backend(), {.ring_size = 1});
  Lease lease = ring.acquire();
  metal_fake::fail(command_buffer4(lease),
                   {.code = MTL4CommandQueueErrorOutOfMemory, .description = "too much"});
  EXPECT_THAT(failure_of<ExecutionFailed>(std::move(lease).submit()),
              HasSubstr("CommandRing #0: MTL4CommandQueueErrorOutOfMemory (3): too much"));
  ring.acquire().submit().wait();
}

TEST(Metal4Slot, ObjectsThatCannotBeMadeFailTheRing) {
  metal_fake::return_nil(metal_fake::Creation::allocator, 1, 1);
  EXPECT_THAT([] { CommandBufferRing(metal4_backend(), {.ring_size = 2}); },
              ThrowsMessage<BackendError>(
                  HasSubstr("CommandRing #1: -[MTLDevice newCommandAllocator] returned nil")));
  metal_fake::return_nil(metal_fake::Creation::command_buffer);
  EXPECT_THAT([] { CommandBufferRing(metal4_backend(), {.ring_size = 2}); },
              ThrowsMessage<BackendError>(
                  HasSubstr("CommandRing #0: -[MTLDevice newCommandBuffer] returned nil")));
  CommandBufferRing(metal4_backend(), {.ring_size = 2});
}

TEST(Metal4Slot, TellsWhenTheGpuRanIt) {
  CommandBufferRing ring(metal4_backend());
  metal_fake::set_time_per_buffer(std::chrono::microseconds(200));
  const Ticket ticket = ring.acquire().submit();
  ticket.wait();
  const auto interval = ticket.gpu_interval();
  ASSERT_TRUE(interval.has_value());
  EXPECT_GE(interval->end - interval->start, std::chrono::microseconds(199));
}

TEST(Metal4Slot, ItsObjectsOutliveALostRingForAsLongAsItsWorkDoes) {
  const auto silent = [](const LogMessage&) {};
  {
    CommandBufferRing ring(metal4_backend(), {.ring_size = 3, .log_sink = silent});
    metal_fake::hold();
    for (int i = 0; i < 3; ++i) ring.acquire().submit();
    metal_fake::remove_device();
    EXPECT_THROW(ring.drain(), DeviceLost);
  }
  metal_fake::wait_until_idle();
}

}  // namespace
}  // namespace cbr::metal
