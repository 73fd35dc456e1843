// Moments of a wait that only a backend with hooks can hold still.
#include <atomic>
#include <future>
#include <memory>

#include <gtest/gtest.h>

#include <cbr/ring.h>
#include <cbr/simulated.h>

#include "conformance/hooked_backend.h"

namespace cbr {
namespace {

using namespace std::chrono_literals;

TEST(RingWaits, AResetForgetsAWaitThatWasJustServed) {
  const auto gpu = simulated::make_gpu();
  const auto backend = std::make_shared<test::HookedBackend>(gpu);
  std::promise<void> served;
  std::promise<void> go_on;
  std::atomic<bool> hold = false;
  backend->after_wait = [&] {
    if (!hold.exchange(false)) return;
    served.set_value();
    go_on.get_future().wait();
  };
  CommandBufferRing ring(backend, {.ring_size = 2, .wait_strategy = WaitStrategy::block});
  gpu->pause();
  const Ticket ticket = ring.acquire().submit();
  Lease lease = ring.acquire();
  auto waiting = std::async(std::launch::async, [&] { ring.acquire().discard(); });
  while (ring.statistics().wait_events == 0) std::this_thread::yield();
  gpu->advance(5ms);
  hold = true;
  lease.discard();
  served.get_future().wait();
  // The slot is its own, but it has not come back to say how long it took.
  ring.reset_statistics();
  go_on.set_value();
  waiting.get();
  const RingStatistics statistics = ring.statistics();
  EXPECT_EQ(statistics.wait_events, 0U);
  EXPECT_EQ(statistics.total_wait_ms, 0.0) << "the time of waits that don't count";
  EXPECT_EQ(statistics.max_wait_ms, 0.0);
  gpu->release();
}

TEST(RingWaits, ADeadlineNearTheEndOfTheClockIsFarAway) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 2});
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  const Ticket held = sequence.acquire().submit();
  auto waiting = std::async(std::launch::async, [&] { return held.wait_until(no_deadline - 1ns); });
  EXPECT_EQ(waiting.wait_for(20ms), std::future_status::timeout) << "it ended 292 years early";
  std::move(first).submit();
  EXPECT_TRUE(waiting.get());
  EXPECT_TRUE(held.wait_until(no_wait + 1ns)) << "it has ended";
}

TEST(RingWaits, ADeadlineBeforeTheBeginningOfTheClockHasPassed) {
  const auto gpu = simulated::make_gpu();
  CommandBufferRing ring(gpu, {.ring_size = 2});
  gpu->advance(1h);
  Sequence sequence = ring.sequence();
  Lease first = sequence.acquire();
  const Ticket held = sequence.acquire().submit();
  EXPECT_FALSE(held.wait_until(no_wait + 1ns));
  EXPECT_FALSE(held.wait_until(TimePoint(-1ns)));
  EXPECT_FALSE(held.wait_until(no_wait));
  first.discard();
  EXPECT_TRUE(held.wait_until(no_deadline));
}

}  // namespace
}  // namespace cbr
