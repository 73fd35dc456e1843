// The ways of waiting differ in cost, not in what they do.
#include <atomic>
#include <cstdint>
#include <string_view>
#include <thread>

#include <cbr/fault_injection.h>
#include <cbr/simulated.h>
#include <cbr/validation.h>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

constexpr auto all_strategies = {WaitStrategy::block, WaitStrategy::spin, WaitStrategy::hybrid,
                                 WaitStrategy::adaptive};

class WaitBy : public RingConformance {
 protected:
  /// Runs `body` on a new ring for each strategy, on a new backend.
  template <typename Body>
  void with_each(std::uint32_t ring_size, const Body& body) {
    for (const WaitStrategy strategy : all_strategies) {
      SCOPED_TRACE(to_string(strategy));
      destroy_ring();
      ASSERT_TRUE(use_queues(1));
      body(make_ring(RingOptions{.ring_size = ring_size, .wait_strategy = strategy}));
      destroy_ring();
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Backend, WaitBy, all_backends(), backend_name);

TEST_P(WaitBy, SerialsStartAtOneWhateverWasMeasured) {
  with_each(2, [&](CommandBufferRing& ring) {
    for (std::uint64_t i = 1; i <= 4; ++i) {
      const Ticket ticket = submit_one();
      EXPECT_EQ(ticket.serial().value(), i);
      ticket.wait();
    }
    EXPECT_EQ(ring.statistics().submissions, 4U);
  });
}

TEST_P(WaitBy, AcquireWaitsForASlot) {
  with_each(1, [&](CommandBufferRing& ring) {
    harness_->pause();
    submit_one();
    std::atomic<bool> acquired = false;
    std::thread waiter([&] {
      Lease lease = ring.acquire();
      acquired = true;
      lease.discard();
    });
    EXPECT_TRUE(waits(1));
    EXPECT_FALSE(acquired);
    harness_->release();
    waiter.join();
  });
}

TEST_P(WaitBy, TimeoutsAreKept) {
  with_each(1, [&](CommandBufferRing& ring) {
    harness_->pause();
    const Ticket ticket = submit_one();
    EXPECT_FALSE(ticket.wait_for(2ms));
    EXPECT_FALSE(ring.try_acquire_for(2ms).has_value());
    EXPECT_THROW((void)ring.acquire(2ms), AcquireTimeout);
    const auto statistics = ring.statistics();
    EXPECT_EQ(statistics.wait_events, 2U);
    // Hardly less than 4, but a deadline is reckoned a moment before the wait begins.
    EXPECT_GT(statistics.total_wait_ms, 0);
    harness_->release();
    ticket.wait();
    EXPECT_TRUE(ticket.wait_for(0ms));
  });
}

TEST_P(WaitBy, ADiscardWakesTheLeader) {
  with_each(2, [&](CommandBufferRing& ring) {
    harness_->pause();
    submit_one();
    Lease held = ring.acquire();
    std::thread waiter([&] { ring.acquire().discard(); });
    EXPECT_TRUE(waits(1));
    held.discard();
    waiter.join();
    EXPECT_EQ(ring.statistics().in_flight, 1U);
    harness_->release();
  });
}

TEST_P(WaitBy, ALossEndsTheWait) {
  for (const WaitStrategy strategy : all_strategies) {
    SCOPED_TRACE(to_string(strategy));
    destroy_ring();
    ASSERT_TRUE(use_queues(1));
    auto& ring = make_ring(RingOptions{.ring_size = 1, .wait_strategy = strategy});
    harness_->pause();
    const Ticket ticket = submit_one();
    std::atomic<int> lost = 0;
    const auto count = [&](const auto& call) {
      try {
        call();
      } catch (const DeviceLost&) {
        ++lost;
      }
    };
    std::thread acquirer([&] { count([&] { ring.acquire().discard(); }); });
    std::thread waiter([&] { count([&] { ticket.wait(); }); });
    EXPECT_TRUE(waits(1));
    const std::string reason = harness_->lose_device();
    if (!reason.empty()) harness_->release();
    acquirer.join();
    waiter.join();
    destroy_ring();
    if (!reason.empty()) GTEST_SKIP() << reason;
    EXPECT_EQ(lost, 2);
  }
}

TEST_P(WaitBy, CallbacksRun) {
  with_each(2, [&](CommandBufferRing&) {
    std::atomic<int> calls = 0;
    for (int i = 0; i < 6; ++i) submit_one().on_complete([&](const Ticket&) { ++calls; });
    destroy_ring();
    EXPECT_EQ(calls, 6);
  });
}

TEST_P(WaitBy, TheSpinLimitTellsWhatIsDone) {
  EXPECT_EQ(make_ring(RingOptions{.wait_strategy = WaitStrategy::block}).spin_limit(), 0ns);
  EXPECT_EQ(make_ring(RingOptions{.wait_strategy = WaitStrategy::spin}).spin_limit(),
            std::chrono::nanoseconds::max());
  EXPECT_EQ(
      make_ring(RingOptions{.wait_strategy = WaitStrategy::hybrid, .spin_limit = 7us}).spin_limit(),
      7us);
  auto& measured = make_ring(RingOptions{.wait_strategy = WaitStrategy::hybrid});
  EXPECT_GE(measured.spin_limit(), 0ns);
  EXPECT_LE(measured.spin_limit(), 1ms);
}

TEST(HybridWait, AMeasurementThatFailsLeavesNothingInFlight) {
  for (const std::uint32_t call : {1U, 2U, 3U}) {
    const auto faults =
        inject_faults(simulated::make_gpu(), {.script = {{Fault::fail_wait, call}}});
    int violations = 0;
    const auto checked = validate(faults, [&](std::string_view text) {
      ++violations;
      ADD_FAILURE() << text;
    });
    EXPECT_THROW(CommandBufferRing(checked, {.wait_strategy = WaitStrategy::hybrid}), BackendError);
    // Nor is the backend in use.
    const CommandBufferRing ring(checked, {.wait_strategy = WaitStrategy::hybrid});
    EXPECT_EQ(violations, 0);
  }
}

}  // namespace
}  // namespace cbr::test
