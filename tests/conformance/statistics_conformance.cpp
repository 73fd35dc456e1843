// Statistics: a snapshot whose equations hold, on every backend.
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

class Statistics : public RingConformance {};
INSTANTIATE_TEST_SUITE_P(Backend, Statistics, all_backends(), backend_name);

TEST_P(Statistics, ShowEveryStateOfASlot) {
  auto& ring = make_ring(4);
  harness_->pause();
  submit_one();
  submit_one();
  Lease held = ring.acquire();
  auto statistics = ring.statistics();
  EXPECT_EQ(statistics.ring_size, 4U);
  EXPECT_EQ(statistics.in_flight, 2U);
  EXPECT_EQ(statistics.leased, 1U);
  EXPECT_EQ(statistics.current_index, 3U);
  EXPECT_EQ(statistics.total_acquisitions, 3U);
  EXPECT_EQ(statistics.total_releases, 2U);
  EXPECT_EQ(statistics.reuse_rate, 1.0);
  EXPECT_EQ(statistics.avg_wait_ms, 0.0);
  held.discard();
  harness_->release();
  ring.drain();
  statistics = ring.statistics();
  EXPECT_EQ(statistics.in_flight, 0U);
  EXPECT_EQ(statistics.completions, 2U);
  EXPECT_EQ(statistics.discarded, 1U);
  EXPECT_EQ(statistics.total_releases, 3U);
}

TEST_P(Statistics, ResetStartsFromWhatIsUnderWay) {
  auto& ring = make_ring(3);
  submit_one().wait();
  harness_->pause();
  submit_one();
  Lease held = ring.acquire();
  ring.reset_statistics();
  auto statistics = ring.statistics();
  EXPECT_EQ(statistics.submissions, 1U);
  EXPECT_EQ(statistics.completions, 0U);
  EXPECT_EQ(statistics.total_acquisitions, 2U);
  EXPECT_EQ(statistics.total_releases, 1U);
  held.discard();
  harness_->release();
  ring.drain();
  statistics = ring.statistics();
  EXPECT_EQ(statistics.completions, 1U);
  EXPECT_EQ(statistics.total_releases, statistics.total_acquisitions);
  ring.reset_statistics();
  EXPECT_EQ(ring.statistics().total_acquisitions, 0U);
}

TEST_P(Statistics, CanBeTurnedOff) {
  auto& ring = make_ring(RingOptions{.ring_size = 1, .track_statistics = false});
  submit_one();
  submit_one();
  ring.acquire().discard();
  ring.reset_statistics();
  ring.drain();
  const auto statistics = ring.statistics();
  EXPECT_EQ(statistics.total_acquisitions, 0U);
  EXPECT_EQ(statistics.wait_events, 0U);
  EXPECT_EQ(statistics.submissions, 0U);
  EXPECT_EQ(statistics.discarded, 0U);
  EXPECT_EQ(statistics.total_wait_ms, 0.0);
  EXPECT_EQ(statistics.ring_size, 1U);
}

TEST_P(Statistics, AResetCountsTheWaitsUnderWay) {
  auto& ring = make_ring(1);
  Lease held = ring.acquire();
  std::vector<std::thread> threads;
  threads.emplace_back([&] { EXPECT_FALSE(ring.try_acquire_for(300ms).has_value()); });
  threads.emplace_back([&] { ring.acquire().discard(); });
  ASSERT_TRUE(waits(2));
  ring.reset_statistics();
  auto statistics = ring.statistics();
  EXPECT_EQ(statistics.wait_events, 2U);
  EXPECT_EQ(statistics.timeout_events, 0U);
  EXPECT_EQ(statistics.total_acquisitions, 1U) << "that of the lease";
  threads[0].join();
  held.discard();
  threads[1].join();
  statistics = ring.statistics();
  EXPECT_EQ(statistics.wait_events, 2U);
  EXPECT_EQ(statistics.timeout_events, 1U);
  EXPECT_GE(statistics.total_wait_ms, statistics.max_wait_ms);
  EXPECT_DOUBLE_EQ(statistics.avg_wait_ms, statistics.total_wait_ms / 2);
  expect_equations();
  ring.reset_statistics();
  EXPECT_EQ(ring.statistics().wait_events, 0U);
}

TEST_P(Statistics, AnAcquisitionWithALimitOfZeroThatFindsNoSlotTimesOut) {
  auto& ring = make_ring(1);
  Lease held = ring.acquire();
  EXPECT_THROW((void)ring.acquire(0ns), AcquireTimeout);
  EXPECT_EQ(ring.statistics().timeout_events, 1U);
  EXPECT_FALSE(ring.try_acquire_for(0ns).has_value());
  EXPECT_EQ(ring.statistics().timeout_events, 2U);
  EXPECT_FALSE(ring.try_acquire({.timeout = Timeout(0ns)}).has_value());
  EXPECT_EQ(ring.statistics().timeout_events, 3U);
  EXPECT_EQ(ring.statistics().wait_events, 3U);
  // It has no limit to reach: it is a question.
  EXPECT_FALSE(ring.try_acquire().has_value());
  EXPECT_EQ(ring.statistics().timeout_events, 3U);
  held.discard();
  expect_equations();
}

TEST_P(Statistics, HoldAtEveryMomentWhateverIsReset) {
  auto& ring = make_ring(2);
  std::atomic<bool> end = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      while (!end) {
        auto lease = ring.try_acquire_for(i == 0 ? 0ns : 50us);
        if (!lease) continue;
        if (i == 2) {
          lease->discard();
        } else {
          harness_->record(*lease);
          std::move(*lease).submit();
        }
      }
    });
  }
  for (int i = 0; i < 500; ++i) {
    expect_equations();
    const auto statistics = ring.statistics();
    EXPECT_LE(statistics.timeout_events, statistics.wait_events);
    EXPECT_GE(statistics.total_wait_ms, 0.0);
    EXPECT_LE(statistics.leased + statistics.in_flight, 2U);
    if (i % 3 == 0) ring.reset_statistics();
  }
  end = true;
  for (std::thread& thread : threads) thread.join();
  ring.drain();
  expect_equations();
}

}  // namespace
}  // namespace cbr::test
