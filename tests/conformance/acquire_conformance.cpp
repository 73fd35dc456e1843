// Acquiring: who gets which slot, and who waits for how long.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <set>
#include <thread>
#include <vector>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Acquire : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, Acquire, all_backends(), backend_name);

TEST_P(Acquire, GivesEachSlotToOneLeaseOnly) {
  auto& ring = make_ring(4);
  std::vector<Lease> leases;
  std::set<SlotIndex> slots;
  for (int i = 0; i < 4; ++i) {
    leases.push_back(ring.acquire());
    slots.insert(leases.back().slot());
    EXPECT_NE(leases.back().native_handle(), nullptr);
  }
  EXPECT_EQ(slots.size(), 4U);
  EXPECT_FALSE(ring.try_acquire().has_value());
  for (auto& lease : leases) lease.discard();
}

TEST_P(Acquire, SlotsTakeTurns) {
  auto& ring = make_ring(3);
  for (std::uint32_t i = 0; i < 9; ++i) {
    Ticket ticket = submit_one();
    EXPECT_EQ(to_number(ticket.slot()), i % 3);
    ticket.wait();
    EXPECT_EQ(ring.statistics().current_index, (i + 1) % 3);
  }
}

TEST_P(Acquire, ARingOfOneIsSerial) {
  auto& ring = make_ring(1);
  for (int i = 0; i < 5; ++i) submit_one();
  ring.drain();
  EXPECT_EQ(ring.statistics().completions, 5U);
}

TEST_P(Acquire, WaitsUntilASlotCompletes) {
  auto& ring = make_ring(2);
  harness_->pause();
  submit_one();
  submit_one();
  std::atomic<bool> acquired = false;
  std::thread waiter([&] {
    Lease lease = ring.acquire();
    acquired = true;
    lease.discard();
  });
  // A wait shows as soon as it begins, not when it ends.
  ASSERT_TRUE(eventually([&] { return ring.statistics().wait_events == 1; }));
  EXPECT_FALSE(acquired);
  EXPECT_EQ(ring.statistics().in_flight, 2U);
  harness_->release();
  waiter.join();
  EXPECT_TRUE(acquired);
  EXPECT_EQ(ring.statistics().wait_events, 1U);
}

TEST_P(Acquire, TimesOutWithTheSlotInTheWayAndRecyclesNothing) {
  auto& ring = make_ring(RingOptions{.ring_size = 2, .name = "Lanes"});
  harness_->pause();
  submit_one();
  submit_one();
  try {
    auto lease = ring.acquire(5ms);
    FAIL() << "acquired slot " << to_number(lease.slot()) << ", which is in flight";
  } catch (const AcquireTimeout& timeout) {
    EXPECT_THAT(timeout.what(), HasSubstr("Lanes: no slot free after "));
    EXPECT_THAT(timeout.what(), HasSubstr("(limit 5.00 ms)"));
    EXPECT_THAT(timeout.what(), HasSubstr("slot #0 is in flight with serial 1"));
  }
  const auto statistics = ring.statistics();
  EXPECT_EQ(statistics.in_flight, 2U);
  EXPECT_EQ(statistics.timeout_events, 1U);
  EXPECT_EQ(statistics.wait_events, 1U);
  EXPECT_EQ(statistics.total_acquisitions, 2U);
  // Hardly less than 5, but the deadline is reckoned a moment before the wait begins.
  EXPECT_GT(statistics.total_wait_ms, 0);
  EXPECT_FALSE(ring.try_acquire().has_value());
  harness_->release();
  ring.drain();
}

TEST_P(Acquire, TimesOutOnALeasedSlotWithWhereItWasAcquired) {
  auto& ring = make_ring(1);
  Lease held = ring.acquire();
  try {
    auto lease = ring.acquire(1ms);
    FAIL();
  } catch (const AcquireTimeout& timeout) {
    EXPECT_THAT(timeout.what(), HasSubstr("slot #0 is leased, acquired at "));
    EXPECT_THAT(timeout.what(), HasSubstr("acquire_conformance.cpp"));
  }
  held.discard();
}

TEST_P(Acquire, TheOptionGivesTheDefaultTimeout) {
  auto& ring = make_ring(RingOptions{.ring_size = 1, .timeout = 3ms});
  Lease held = ring.acquire();
  EXPECT_THROW((void)ring.acquire(), AcquireTimeout);
  held.discard();
}

TEST_P(Acquire, TryAcquireForComesBackEmpty) {
  auto& ring = make_ring(1);
  harness_->pause();
  submit_one();
  EXPECT_FALSE(ring.try_acquire_for(2ms).has_value());
  EXPECT_FALSE(ring.try_acquire_for(0ms).has_value());
  EXPECT_FALSE(ring.try_acquire_for(-1ms).has_value());
  EXPECT_FALSE(ring.try_acquire().has_value());
  harness_->release();
  auto lease = ring.try_acquire_for(std::chrono::hours(24 * 365 * 200));
  ASSERT_TRUE(lease.has_value());
  lease->discard();
}

TEST_P(Acquire, ADiscardedLeaseWakesAWaiterWhileTheGpuIsBusy) {
  auto& ring = make_ring(2);
  harness_->pause();
  submit_one();
  Lease held = ring.acquire();
  std::thread waiter([&] { ring.acquire().discard(); });
  ASSERT_TRUE(eventually([&] { return ring.statistics().wait_events == 1; }));
  held.discard();
  // Joins although the GPU finishes nothing.
  waiter.join();
  EXPECT_EQ(ring.statistics().in_flight, 1U);
  harness_->release();
}

TEST_P(Acquire, AWaiterBehindALeaseSeesItsSubmissionComplete) {
  auto& ring = make_ring(1);
  Lease held = ring.acquire();
  harness_->record(held);
  std::thread waiter([&] { ring.acquire().discard(); });
  ASSERT_TRUE(eventually([&] { return ring.statistics().wait_events == 1; }));
  std::move(held).submit();
  waiter.join();
  EXPECT_EQ(ring.statistics().completions, 1U);
}

TEST_P(Acquire, WaitersAreServedInOrderOfArrival) {
  constexpr int waiter_count = 6;
  auto& ring = make_ring(1);
  harness_->pause();
  submit_one();
  std::vector<int> order;
  std::vector<std::thread> waiters;
  for (int i = 0; i < waiter_count; ++i) {
    waiters.emplace_back([&, i] {
      Lease lease = ring.acquire();
      // The one slot guards `order`: only its holder writes.
      order.push_back(i);
      harness_->record(lease);
      std::move(lease).submit();
    });
    ASSERT_TRUE(eventually([&] { return ring.statistics().wait_events == std::uint64_t(i) + 1; }));
  }
  harness_->release();
  for (auto& waiter : waiters) waiter.join();
  ring.drain();
  EXPECT_THAT(order, testing::ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_P(Acquire, AWaiterThatTimesOutLeavesTheOthersWaiting) {
  auto& ring = make_ring(1);
  Lease held = ring.acquire();
  std::atomic<bool> served = false;
  std::thread patient;
  std::thread hasty([&] { EXPECT_FALSE(ring.try_acquire_for(50ms).has_value()); });
  patient = std::thread([&] {
    ring.acquire().discard();
    served = true;
  });
  hasty.join();
  ASSERT_TRUE(eventually([&] { return ring.statistics().wait_events == 2; }));
  EXPECT_FALSE(served);
  held.discard();
  patient.join();
  EXPECT_TRUE(served);
}

TEST_P(Acquire, TheLargestLimitsWaitOn) {
  constexpr Timeout limits[] = {
      std::chrono::nanoseconds::max(),
      std::chrono::nanoseconds::max() - 1s,
      std::chrono::microseconds::max(),
      std::chrono::seconds::max(),
      std::chrono::hours::max(),
      std::chrono::duration<double>(1e300),
      std::chrono::duration<double>(std::numeric_limits<double>::infinity()),
      std::chrono::duration<std::uint64_t>(UINT64_MAX)};
  for (const Timeout& limit : limits) {
    auto& ring = make_ring(RingOptions{.ring_size = 2, .timeout = limit});
    harness_->pause();
    Lease held = ring.acquire();
    const Ticket ticket = submit_one();
    std::atomic<int> ended = 0;
    std::vector<std::thread> threads;
    const auto start = [&](auto call) {
      threads.emplace_back([&ended, call] {
        call();
        ++ended;
      });
    };
    start([&] { ring.acquire().discard(); });
    start([&] { ring.acquire({.timeout = limit}).discard(); });
    start([&] {
      auto lease = ring.try_acquire_for(limit);
      ASSERT_TRUE(lease.has_value());
      lease->discard();
    });
    start([&] { EXPECT_TRUE(ticket.wait_for(limit)); });
    start([&] { EXPECT_TRUE(wait_any_for({&ticket, 1}, limit).has_value()); });
    start([&] { EXPECT_TRUE(wait_all_for({&ticket, 1}, limit)); });
    EXPECT_TRUE(waits(3));
    // Time for an overflow to show.
    std::this_thread::sleep_for(5ms);
    EXPECT_EQ(ended, 0);
    harness_->release();
    held.discard();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(ring.statistics().timeout_events, 0U);
  }
}

TEST_P(Acquire, NoNumberIsALimitOfZero) {
  auto& ring = make_ring(1);
  Lease held = ring.acquire();
  using Seconds = std::chrono::duration<double>;
  EXPECT_FALSE(ring.try_acquire_for(Seconds(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_FALSE(ring.try_acquire_for(std::chrono::hours::min()));
  EXPECT_THROW((void)ring.acquire(std::chrono::nanoseconds::min()), AcquireTimeout);
  held.discard();
}

}  // namespace
}  // namespace cbr::test
