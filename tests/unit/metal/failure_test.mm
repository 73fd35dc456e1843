// Metal's errors in words, and which of them lose the device.
#include "backends/metal/failure.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/eventually.h"
#include "unit/metal/metal_ring.h"

namespace cbr::metal {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct Case {
  std::int64_t code;
  const char* name;
  bool loses_device;
};

Outcome outcome(NSErrorDomain domain, std::int64_t code) {
  @autoreleasepool {
    return failure_outcome("Ring #3", [NSError errorWithDomain:domain code:code userInfo:nil]);
  }
}

TEST(MetalFailure, NamesTheCodesOfMetal3) {
  for (const Case& each : {Case{1, "MTLCommandBufferErrorInternal (1)", false},
                           Case{2, "MTLCommandBufferErrorTimeout (2)", false},
                           Case{3, "MTLCommandBufferErrorPageFault (3)", false},
                           Case{4, "MTLCommandBufferErrorAccessRevoked (4)", true},
                           Case{7, "MTLCommandBufferErrorNotPermitted (7)", false},
                           Case{8, "MTLCommandBufferErrorOutOfMemory (8)", false},
                           Case{9, "MTLCommandBufferErrorInvalidResource (9)", false},
                           Case{10, "MTLCommandBufferErrorMemoryless (10)", false},
                           Case{11, "MTLCommandBufferErrorDeviceRemoved (11)", true},
                           Case{12, "MTLCommandBufferErrorStackOverflow (12)", false}}) {
    const Outcome failed = outcome(MTLCommandBufferErrorDomain, each.code);
    EXPECT_THAT(failed.error, AllOf(HasSubstr("Ring #3: "), HasSubstr(each.name)));
    EXPECT_EQ(failed.device_lost, each.loses_device) << each.name;
  }
}

TEST(MetalFailure, NamesTheCodesOfMetal4) {
  for (const Case& each : {Case{1, "MTL4CommandQueueErrorTimeout (1)", false},
                           Case{2, "MTL4CommandQueueErrorNotPermitted (2)", false},
                           Case{3, "MTL4CommandQueueErrorOutOfMemory (3)", false},
                           Case{4, "MTL4CommandQueueErrorDeviceRemoved (4)", true},
                           Case{5, "MTL4CommandQueueErrorAccessRevoked (5)", true},
                           Case{6, "MTL4CommandQueueErrorInternal (6)", false}}) {
    const Outcome failed = outcome(MTL4CommandQueueErrorDomain, each.code);
    EXPECT_THAT(failed.error, HasSubstr(each.name));
    EXPECT_EQ(failed.device_lost, each.loses_device) << each.name;
  }
}

TEST(MetalFailure, TellsTheNumberOfAnUnknownCode) {
  EXPECT_THAT(outcome(MTLCommandBufferErrorDomain, 99).error,
              HasSubstr("MTLCommandBufferErrorDomain error 99"));
  const Outcome foreign = outcome(@"SomeDomain", 11);
  EXPECT_THAT(foreign.error, HasSubstr("SomeDomain error 11"));
  EXPECT_FALSE(foreign.device_lost);
}

TEST(MetalFailure, SaysSoWithoutAnError) {
  EXPECT_THAT(failure_outcome("Ring #3", nil).error, HasSubstr("Ring #3"));
}

TEST(MetalFailure, NamesTheEncoder) {
  CommandBufferRing ring(make_backend(Device::open()));
  Lease lease = ring.acquire();
  encode(native(lease), @"first");
  encode(native(lease), @"matvec");
  encode(native(lease), @"last");
  metal_fake::fail(
      command_buffer(lease),
      {.code = MTLCommandBufferErrorPageFault, .encoder = 1, .description = "bad address"});
  const Ticket ticket = std::move(lease).submit();
  EXPECT_THAT(failure_of<ExecutionFailed>(ticket),
              AllOf(HasSubstr("CommandRing #0: MTLCommandBufferErrorPageFault (3): bad address"),
                    HasSubstr("encoder #1 \"matvec\" faulted"), Not(HasSubstr("first"))));
  // The ring goes on.
  ring.acquire().submit().wait();
}

TEST(MetalFailure, DoesNotNameTheEncoderIfNotAskedTo) {
  BackendOptions options;
  options.encoder_errors = false;
  CommandBufferRing ring(make_backend(Device::open(), options));
  Lease lease = ring.acquire();
  encode(native(lease), @"matvec");
  metal_fake::fail(command_buffer(lease), {.code = MTLCommandBufferErrorPageFault});
  EXPECT_THAT(failure_of<ExecutionFailed>(std::move(lease).submit()), Not(HasSubstr("encoder")));
}

TEST(MetalFailure, RevokedAccessIsALostDevice) {
  CommandBufferRing ring(make_backend(Device::open()), {.log_sink = [](const LogMessage&) {}});
  Lease lease = ring.acquire();
  metal_fake::fail(command_buffer(lease), {.code = MTLCommandBufferErrorAccessRevoked});
  EXPECT_THAT(failure_of<DeviceLost>(std::move(lease).submit()), HasSubstr("AccessRevoked (4)"));
  EXPECT_THROW((void)ring.acquire(), DeviceLost);
}

TEST(MetalFailure, AHungBufferFailsAloneWithTimeout) {
  CommandBufferRing ring(make_backend(Device::open()));
  metal_fake::hang_next();
  const Ticket hung = ring.acquire().submit();
  // Before that, end_hang() would call the hang off.
  ASSERT_TRUE(test::eventually([] { return metal_fake::hung_buffers() == 1; }));
  EXPECT_FALSE(hung.wait_for(std::chrono::milliseconds(1)));
  metal_fake::end_hang();
  EXPECT_THAT(failure_of<ExecutionFailed>(hung), HasSubstr("MTLCommandBufferErrorTimeout (2)"));
  ring.acquire().submit().wait();
}

}  // namespace
}  // namespace cbr::metal
