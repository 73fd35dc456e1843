// What only the Metal backend promises: the conformance suite tests what all do.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metal_fake/metal4_test.h"
#include "unit/metal/metal_ring_test.h"

namespace cbr::test {
namespace {

using metal::Generation;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class Metal3 : public MetalBackend {};
class Metal4 : public MetalBackend {};

TEST_F(Metal3, ASlotsBuffersCarryItsLabel) {
  auto ring = ring_on(metal::Device::open(), 2);
  Lease first = ring.acquire();
  Lease second = ring.acquire();
  @autoreleasepool {
    EXPECT_STREQ(buffer(first).label.UTF8String, "CommandRing #0");
    EXPECT_STREQ(buffer(second).label.UTF8String, "CommandRing #1");
  }
  EXPECT_THROW((void)metal::command_buffer4(first), InvalidUsage);
  first.discard();
  second.discard();
}

TEST_F(Metal3, ALeaseGetsAFreshBuffer) {
  auto ring = ring_on(metal::Device::open(), 1);
  for (int i = 0; i < 3; ++i) {
    Lease lease = ring.acquire();
    EXPECT_EQ(buffer(lease).status, MTLCommandBufferStatusNotEnqueued);
    encode(lease);
    std::move(lease).submit().wait();
  }
  EXPECT_EQ(metal_fake::completed_buffers(), 3U);
}

TEST_F(Metal3, CompletionOutOfOrderEndsNothingBeforeItsTime) {
  auto ring = ring_on(metal::Device::open(), 3);
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
  [buffer(lease) addCompletedHandler:^(id<MTLCommandBuffer>) {
    told = ticket->done();
    completed = backend->completed(QueueIndex{0});
  }];
  const Ticket second = std::move(lease).submit();
  metal_fake::release();
  second.wait();
  metal_fake::wait_until_idle();
  EXPECT_FALSE(told) << "the first had not ended";
  ASSERT_TRUE(completed.has_value());
  EXPECT_EQ(completed->value(), 0U) << "nor had all up to the second";
  EXPECT_TRUE(first.done());
}

TEST_F(Metal3, AFailureTellsMetalsNameAndTheEncoder) {
  auto ring = ring_on(metal::Device::open(), 1);
  metal_fake::fail_next(
      {.code = MTLCommandBufferErrorPageFault, .encoder = 1, .description = "bad address"});
  Lease lease = ring.acquire();
  encode(lease, @"norm");
  encode(lease, @"matvec");
  encode(lease, @"softmax");
  const Ticket ticket = std::move(lease).submit();
  EXPECT_THAT(
      thrown<ExecutionFailed>([&] { ticket.wait(); }),
      AllOf(HasSubstr("CommandRing #0"), HasSubstr("MTLCommandBufferErrorPageFault (3)"),
            HasSubstr("matvec"), HasSubstr("bad address"), testing::Not(HasSubstr("softmax"))));
  // The ring goes on.
  ring.acquire().submit().wait();
}

TEST_F(Metal3, EveryCodeHasItsName) {
  const std::vector<std::pair<MTLCommandBufferError, const char*>> codes = {
      {MTLCommandBufferErrorInternal, "MTLCommandBufferErrorInternal"},
      {MTLCommandBufferErrorTimeout, "MTLCommandBufferErrorTimeout"},
      {MTLCommandBufferErrorNotPermitted, "MTLCommandBufferErrorNotPermitted"},
      {MTLCommandBufferErrorOutOfMemory, "MTLCommandBufferErrorOutOfMemory"},
      {MTLCommandBufferErrorInvalidResource, "MTLCommandBufferErrorInvalidResource"},
      {MTLCommandBufferErrorMemoryless, "MTLCommandBufferErrorMemoryless"},
      {MTLCommandBufferErrorStackOverflow, "MTLCommandBufferErrorStackOverflow"}};
  auto ring = ring_on(metal::Device::open(), 1);
  for (const auto& [code, name] : codes) {
    metal_fake::fail_next({.code = static_cast<std::int64_t>(code)});
    const Ticket ticket = ring.acquire().submit();
    EXPECT_THAT(thrown<ExecutionFailed>([&] { ticket.wait(); }), HasSubstr(name));
  }
}

TEST_F(Metal3, ARevokedAccessLosesTheDevice) {
  const auto device = metal::Device::open();
  auto ring = ring_on(device, 1);
  metal_fake::fail_next({.code = MTLCommandBufferErrorAccessRevoked});
  const Ticket ticket = ring.acquire().submit();
  EXPECT_THAT(thrown<DeviceLost>([&] { ticket.wait(); }),
              HasSubstr("MTLCommandBufferErrorAccessRevoked (4)"));
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
  EXPECT_THROW(ring_on(device, 1), DeviceLost) << "it is the device that is lost, not the ring";
}

TEST_F(Metal3, ACommitBehindTheRingsBackIsToldAndSurvived) {
  std::vector<std::string> warnings;
  auto ring = ring_on(metal::Device::open(), 1,
                      {.on_warning = [&](const std::string& line) { warnings.push_back(line); }});
  for (const bool ended_already : {false, true}) {
    Lease lease = ring.acquire();
    encode(lease);
    [buffer(lease) commit];
    if (ended_already) metal_fake::wait_until_idle();
    const Ticket ticket = std::move(lease).submit();
    EXPECT_NO_THROW(ticket.wait());
  }
  ring.acquire().submit().wait();
  EXPECT_EQ(ring.statistics().completions, 3U);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("committed the lease's command buffer itself")));
}

TEST_F(Metal3, ACommittedBufferWhoseLeaseIsDroppedIsTold) {
  auto ring = ring_on(metal::Device::open(), 1);
  Lease lease = ring.acquire();
  [buffer(lease) commit];
  lease.discard();
  EXPECT_THAT(thrown<InvalidUsage>([&] { (void)ring.acquire(); }), HasSubstr("dropped the lease"));
  ring.acquire().submit().wait();
}

TEST_F(Metal3, BuffersMadeAheadServeTheNextLease) {
  auto ring = ring_on(metal::Device::open(), 2, {.make_ahead = true});
  for (int i = 0; i < 20; ++i) {
    Lease lease = ring.acquire();
    encode(lease);
    std::move(lease).submit().wait();
    metal_fake::wait_until_idle();
  }
  // Each slot has one in stock: refusing to make more is not noticed.
  metal_fake::return_nil(metal_fake::Creation::command_buffer, 2);
  Lease first = ring.acquire();
  Lease second = ring.acquire();
  std::move(first).submit().wait();
  std::move(second).submit().wait();
  metal_fake::wait_until_idle();
  EXPECT_EQ(metal_fake::completed_buffers(), 22U);
}

TEST_F(Metal3, MakingAheadCountsTwice) {
  const auto device = metal::Device::open({.max_command_buffers = 5});
  EXPECT_THROW(ring_on(device, 3, {.make_ahead = true}), InvalidOption);
  EXPECT_NO_THROW(ring_on(device, 2, {.make_ahead = true}));
}

TEST_F(Metal3, IntervalsAreOnTheHostsClock) {
  auto ring = ring_on(metal::Device::open(), 1);
  const auto before = Clock::now().time_since_epoch();
  const Ticket ticket = ring.acquire().submit();
  ticket.wait();
  const auto interval = ticket.gpu_interval();
  ASSERT_TRUE(interval.has_value());
  // Seconds as a double have a rounding error.
  const auto rounding = std::chrono::microseconds(1);
  EXPECT_GE(interval->start + rounding, before);
  EXPECT_LE(interval->start, interval->end);
  EXPECT_LE(interval->end, Clock::now().time_since_epoch() + rounding);
}

TEST_F(Metal4, ASlotUsesItsBufferAgain) {
  auto ring = ring_on(metal::Device::open({.generation = Generation::metal4}), 1);
  Lease first = ring.acquire();
  EXPECT_THROW((void)metal::command_buffer(first), InvalidUsage);
  void* const native = metal::command_buffer4(first);
  std::move(first).submit().wait();
  Lease second = ring.acquire();
  EXPECT_EQ(metal::command_buffer4(second), native);
  second.discard();
}

TEST_F(Metal4, ALeaseDroppedWhileAnEncoderIsOpenFreesTheSlot) {
  auto ring = ring_on(metal::Device::open({.generation = Generation::metal4}), 1);
  {
    Lease lease = ring.acquire();
    id<MTL4ComputeCommandEncoder> encoder = [buffer4(lease) computeCommandEncoder];
    // As where encoding throws.
    lease.discard();
    [encoder endEncoding];
  }
  ring.acquire().submit().wait();
}

TEST_F(Metal4, AFailureTellsMetalsName) {
  auto ring = ring_on(metal::Device::open({.generation = Generation::metal4}), 1);
  metal_fake::fail_next({.code = MTL4CommandQueueErrorOutOfMemory});
  const Ticket ticket = ring.acquire().submit();
  EXPECT_THAT(thrown<ExecutionFailed>([&] { ticket.wait(); }),
              HasSubstr("MTL4CommandQueueErrorOutOfMemory (3)"));
  metal_fake::fail_next({.code = MTL4CommandQueueErrorDeviceRemoved});
  const Ticket lost = ring.acquire().submit();
  EXPECT_THAT(thrown<DeviceLost>([&] { lost.wait(); }),
              HasSubstr("MTL4CommandQueueErrorDeviceRemoved (4)"));
}

}  // namespace
}  // namespace cbr::test
