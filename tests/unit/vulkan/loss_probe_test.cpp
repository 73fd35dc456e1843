#include "backends/vulkan/loss_probe.h"

#include <chrono>

#include <gtest/gtest.h>

#include <cbr/ring.h>

#include "support/queue_gate.h"
#include "support/vulkan_fixture.h"

namespace cbr::vulkan {
namespace {

// What the probe finds on a lost device is tested in device_loss_test.

TEST(LossProbe, AQueueThatStandsStillForLongIsNotTakenForLost) {
  // Longer than the probe's three steps: note the standstill, submit the fence, ask for it. The
  // validation layer watches how the fence is used.
  constexpr auto standstill = 5 * LossProbe::interval;
  const auto device = test::validated_device();
  CommandBufferRing ring(make_backend(device), {.ring_size = 2});
  test::QueueGate gate(device);
  for (int round = 0; round < 2; ++round) {
    gate.close();
    const Ticket ticket = ring.acquire().submit();
    EXPECT_FALSE(ticket.wait_for(standstill));
    gate.open();
    EXPECT_NO_THROW(ticket.wait());
  }
}

TEST(LossProbe, PollingAQueueThatStandsStillIsHarmless) {
  constexpr auto standstill = 5 * LossProbe::interval;
  const auto device = test::validated_device();
  CommandBufferRing ring(make_backend(device), {.ring_size = 2});
  test::QueueGate gate(device);
  gate.close();
  const Ticket ticket = ring.acquire().submit();
  const auto end = Clock::now() + standstill;
  while (Clock::now() < end) EXPECT_FALSE(ticket.done());
  gate.open();
  EXPECT_NO_THROW(ticket.wait());
}

}  // namespace
}  // namespace cbr::vulkan
