// What is Metal 3's alone: fresh buffers, and programs that commit them themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/eventually.h"
#include "unit/metal/metal_ring.h"

namespace cbr::metal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

TEST(Metal3Slot, MakesAFreshBufferForEachLease) {
  CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 1});
  for (int i = 0; i < 20; ++i) {
    @autoreleasepool {
      Lease lease = ring.acquire();
      EXPECT_EQ(native(lease).status, MTLCommandBufferStatusNotEnqueued);
      EXPECT_STREQ(native(lease).label.UTF8String, "CommandRing #0");
      encode(native(lease));
      std::move(lease).submit();
    }
  }
  ring.drain();
}

TEST(Metal3Slot, RetainsReferencesUnlessToldNotTo) {
  for (const bool retained : {true, false}) {
    BackendOptions options;
    options.retained_references = retained;
    CommandBufferRing ring(make_backend(Device::open(), options));
    Lease lease = ring.acquire();
    @autoreleasepool {
      EXPECT_EQ(native(lease).retainedReferences, retained);
    }
    lease.discard();
  }
}

TEST(Metal3Slot, ABufferThatCannotBeMadeFailsTheAcquisition) {
  CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 1});
  metal_fake::return_nil(metal_fake::Creation::command_buffer);
  EXPECT_THAT([&] { (void)ring.acquire(); },
              ThrowsMessage<BackendError>(HasSubstr(
                  "CommandRing #0: -[MTLCommandQueue commandBufferWithDescriptor:] returned nil")));
  ring.acquire().submit().wait();
}

TEST(Metal3Slot, CompletesEachByItselfWhateverTheOrder) {
  CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 4});
  // Of four, the last completes first.
  metal_fake::set_completion_group(4);
  for (int round = 0; round < 10; ++round) {
    std::vector<Ticket> tickets;
    tickets.reserve(4);
    for (int i = 0; i < 4; ++i) {
      Lease lease = ring.acquire();
      // Into a buffer that is really free: Metal ends the program otherwise.
      encode(native(lease));
      tickets.push_back(std::move(lease).submit());
    }
    for (const Ticket& ticket : tickets) ticket.wait();
  }
  ring.drain();
  EXPECT_EQ(ring.statistics().completions, 40U);
}

TEST(Metal3Slot, ACompletionOutOfOrderEndsNothingBeforeItsTime) {
  CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 3});
  metal_fake::hold();
  // Both run before their completions come, the second's first.
  metal_fake::set_completion_group(2);
  const Ticket first = ring.acquire().submit();
  Lease lease = ring.acquire();
  __block bool told = false;
  __block std::optional<Serial> completed;
  const auto* const ticket = &first;
  Backend* const backend = &lease.backend();
  // Behind the ring's own handler of this buffer, and before that of the first.
  @autoreleasepool {
    [native(lease) addCompletedHandler:^(id<MTLCommandBuffer>) {
      told = ticket->done();
      completed = backend->completed(QueueIndex{0});
    }];
  }
  const Ticket second = std::move(lease).submit();
  metal_fake::release();
  second.wait();
  metal_fake::wait_until_idle();
  EXPECT_FALSE(told) << "the first had not ended";
  ASSERT_TRUE(completed.has_value());
  EXPECT_EQ(completed->value(), 0U) << "nor had all up to the second";
  EXPECT_TRUE(first.done());
}

TEST(Metal3Slot, ASlotIsNotReusedBeforeItsOwnBufferHasCompleted) {
  CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 2});
  metal_fake::hold();
  const Ticket first = ring.acquire().submit();
  const Ticket second = ring.acquire().submit();
  EXPECT_FALSE(ring.try_acquire().has_value());
  metal_fake::step();
  first.wait();
  EXPECT_FALSE(second.done());
  Lease lease = ring.acquire();
  EXPECT_EQ(lease.slot(), first.slot());
  lease.discard();
  metal_fake::release();
  second.wait();
}

TEST(Metal3Slot, TellsWhenTheGpuRanIt) {
  CommandBufferRing ring(make_backend(Device::open()));
  metal_fake::set_time_per_buffer(std::chrono::microseconds(200));
  const auto before = Clock::now().time_since_epoch();
  const Ticket ticket = ring.acquire().submit();
  ticket.wait();
  const auto after = Clock::now().time_since_epoch();
  const auto interval = ticket.gpu_interval();
  ASSERT_TRUE(interval.has_value());
  // Seconds in a double hold some tens of nanoseconds.
  EXPECT_GE(interval->start, before - std::chrono::microseconds(1));
  EXPECT_LE(interval->end, after + std::chrono::microseconds(1));
  EXPECT_GE(interval->end - interval->start, std::chrono::microseconds(199));
}

TEST(Metal3Slot, SurvivesACommitBehindItsBack) {
  Warnings warnings;
  CommandBufferRing ring(make_backend(Device::open(), warnings.options()), {.ring_size = 2});
  for (int i = 0; i < 10; ++i) {
    @autoreleasepool {
      Lease lease = ring.acquire();
      encode(native(lease));
      [native(lease) commit];
      std::move(lease).submit();
    }
  }
  ring.drain();
  EXPECT_EQ(ring.statistics().completions, 10U);
  EXPECT_THAT(warnings.lines, ElementsAre(HasSubstr("committed a lease's command buffer itself")))
      << "once a ring";
}

TEST(Metal3Slot, LosesNoEndThatCameBeforeTheSubmission) {
  Warnings warnings;
  CommandBufferRing ring(make_backend(Device::open(), warnings.options()), {.ring_size = 1});
  Lease lease = ring.acquire();
  @autoreleasepool {
    [native(lease) commit];
  }
  metal_fake::wait_until_idle();
  const Ticket ticket = std::move(lease).submit();
  ticket.wait();
  EXPECT_TRUE(ticket.gpu_interval().has_value());
}

TEST(Metal3Slot, WarnsWithoutALockWhenTheSlotIsNextUsed) {
  Warnings warnings;
  CommandBufferRing ring(make_backend(Device::open(), warnings.options()), {.ring_size = 1});
  Lease lease = ring.acquire();
  @autoreleasepool {
    [native(lease) commit];
  }
  std::move(lease).submit().wait();
  EXPECT_TRUE(warnings.lines.empty()) << "submit() holds the submission lock";
  ring.acquire().discard();
  EXPECT_EQ(warnings.lines.size(), 1U);
}

TEST(Metal3Slot, WarnsAtTheLatestWhenTheRingIsDestroyed) {
  Warnings warnings;
  {
    CommandBufferRing ring(make_backend(Device::open(), warnings.options()), {.ring_size = 1});
    Lease lease = ring.acquire();
    @autoreleasepool {
      [native(lease) commit];
    }
    std::move(lease).submit();
  }
  EXPECT_EQ(warnings.lines.size(), 1U);
}

TEST(Metal3Slot, AWarningThatThrowsLosesNoSubmission) {
  BackendOptions options;
  options.on_warning = [](const std::string&) { throw std::runtime_error("no room for it"); };
  CommandBufferRing ring(make_backend(Device::open(), options), {.ring_size = 1});
  Lease lease = ring.acquire();
  @autoreleasepool {
    [native(lease) commit];
  }
  std::move(lease).submit().wait();
  EXPECT_EQ(ring.acquire().submit().serial().value(), 2U);
}

TEST(Metal3Slot, ReportsABufferThatWasCommittedAndItsLeaseDropped) {
  CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 1});
  {
    Lease lease = ring.acquire();
    @autoreleasepool {
      [native(lease) commit];
    }
    lease.discard();
  }
  EXPECT_THAT([&] { (void)ring.acquire(); },
              ThrowsMessage<InvalidUsage>(HasSubstr("call Lease::submit() instead")));
  // Once.
  ring.acquire().submit().wait();
  EXPECT_EQ(ring.statistics().leased, 0U);
}

TEST(Metal3Slot, TheHandlerOfADroppedBufferIsNoCompletion) {
  for (const bool fires : {true, false}) {
    metal_fake::set_dropped_buffers_fire_handlers(fires);
    CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 2});
    metal_fake::hold();
    const Ticket ticket = ring.acquire().submit();
    for (int i = 0; i < 5; ++i) ring.acquire().discard();
    const Ticket behind = ring.acquire().submit();
    EXPECT_FALSE(ticket.done());
    EXPECT_FALSE(behind.done());
    metal_fake::release();
    ring.drain();
    EXPECT_EQ(ring.statistics().completions, 2U);
    EXPECT_EQ(ring.statistics().discarded, 5U);
  }
}

TEST(Metal3Slot, AHandlerMayComeAfterTheRingIsGone) {
  metal_fake::set_dropped_buffers_fire_handlers(true);
  {
    CommandBufferRing ring(make_backend(Device::open()), {.ring_size = 3});
    ring.acquire().submit();
    ring.acquire().discard();
  }
  metal_fake::wait_until_idle();
}

}  // namespace
}  // namespace cbr::metal
