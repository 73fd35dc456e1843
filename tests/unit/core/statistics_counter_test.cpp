#include "observe/statistics_counter.h"

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

RingStatistics read(const StatisticsCounter& counter) {
  RingStatistics statistics;
  counter.read(statistics);
  return statistics;
}

TEST(StatisticsCounter, BeforeTheFirstAcquisition) {
  const auto statistics = read(StatisticsCounter(true));
  EXPECT_EQ(statistics.reuse_rate, 1.0);
  EXPECT_EQ(statistics.avg_wait_ms, 0.0);
}

TEST(StatisticsCounter, DerivesRatesFromCounts) {
  StatisticsCounter counter(true);
  for (int i = 0; i < 8; ++i) counter.acquired();
  counter.wait_started();
  counter.wait_ended(1500us);
  counter.wait_started();
  counter.wait_ended(500us);
  counter.submitted();
  counter.submitted();
  counter.submitted();
  counter.ended(false);
  counter.ended(true);
  counter.discarded();
  const auto statistics = read(counter);
  EXPECT_EQ(statistics.total_acquisitions, 8U);
  EXPECT_EQ(statistics.wait_events, 2U);
  EXPECT_DOUBLE_EQ(statistics.reuse_rate, 0.75);
  EXPECT_DOUBLE_EQ(statistics.total_wait_ms, 2.0);
  EXPECT_DOUBLE_EQ(statistics.avg_wait_ms, 1.0) << "per wait, not per acquisition";
  EXPECT_DOUBLE_EQ(statistics.max_wait_ms, 1.5);
  EXPECT_EQ(statistics.submissions, 3U);
  EXPECT_EQ(statistics.completions, 1U);
  EXPECT_EQ(statistics.failures, 1U);
  EXPECT_EQ(statistics.discarded, 1U);
  EXPECT_EQ(statistics.total_releases, 4U);
}

TEST(StatisticsCounter, AWaitCountsBeforeItEnds) {
  StatisticsCounter counter(true);
  counter.wait_started();
  EXPECT_EQ(read(counter).wait_events, 1U);
  EXPECT_EQ(read(counter).reuse_rate, 1.0);
}

TEST(StatisticsCounter, TheReuseRateNeverFallsBelowZero) {
  StatisticsCounter counter(true);
  counter.acquired();
  for (int i = 0; i < 5; ++i) {
    counter.wait_started();
    counter.timed_out();
  }
  EXPECT_EQ(read(counter).reuse_rate, 0.0);
  EXPECT_EQ(read(counter).timeout_events, 5U);
}

TEST(StatisticsCounter, ResetKeepsTheEquations) {
  StatisticsCounter counter(true);
  for (int i = 0; i < 9; ++i) counter.acquired();
  counter.wait_started();
  counter.wait_ended(1ms);
  counter.reset(2, 3);
  const auto statistics = read(counter);
  EXPECT_EQ(statistics.total_acquisitions, 5U);
  EXPECT_EQ(statistics.total_releases, 3U);
  EXPECT_EQ(statistics.submissions, 3U);
  EXPECT_EQ(statistics.wait_events, 0U);
  EXPECT_EQ(statistics.max_wait_ms, 0.0);
}

TEST(StatisticsCounter, CountsNothingWhenOff) {
  StatisticsCounter counter(false);
  counter.acquired();
  counter.wait_started();
  counter.wait_ended(1ms);
  counter.timed_out();
  counter.submitted();
  counter.ended(false);
  counter.discarded();
  counter.reset(1, 1);
  const auto statistics = read(counter);
  EXPECT_EQ(statistics.total_acquisitions, 0U);
  EXPECT_EQ(statistics.total_releases, 0U);
  EXPECT_EQ(statistics.total_wait_ms, 0.0);
  EXPECT_EQ(statistics.timeout_events, 0U);
}

}  // namespace
}  // namespace cbr::detail
