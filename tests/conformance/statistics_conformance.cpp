// Statistics: a snapshot whose equations hold, on every backend.
#include "conformance/backends.h"
#include "conformance/conformance_test.h"

namespace cbr::test {
namespace {

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

}  // namespace
}  // namespace cbr::test
