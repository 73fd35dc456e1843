#include "backends/vulkan/timestamps.h"

#include <gtest/gtest.h>

#include <cbr/ring.h>

#include "support/queue_gate.h"
#include "support/vulkan_fixture.h"

namespace cbr::vulkan {
namespace {

TEST(Timestamps, ReadingThemDoesNotWaitForLaterWork) {
  // Mesa's software driver waits for the whole device when queries are read the usual way.
  const auto device = test::validated_device();
  CommandBufferRing ring(make_backend(device), {.ring_size = 2});
  Ticket first = ring.acquire().submit();
  test::QueueGate gate(device);
  gate.close();
  Ticket second = ring.acquire().submit();
  first.wait();
  const auto interval = first.gpu_interval();
  if (device->info().timestamps) {
    ASSERT_TRUE(interval.has_value());
    EXPECT_LE(interval->start, interval->end);
  }
  EXPECT_FALSE(second.done());
  gate.open();
  second.wait();
}

}  // namespace
}  // namespace cbr::vulkan
