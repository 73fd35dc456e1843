#include "observe/statistics_counter.h"

#include <random>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

RingStatistics read(const StatisticsCounter& counter, std::uint64_t sent = 0,
                    std::uint64_t held = 0) {
  RingStatistics statistics;
  counter.read(statistics, sent, held);
  return statistics;
}

void expect_equations(const RingStatistics& statistics) {
  EXPECT_EQ(statistics.total_acquisitions, statistics.total_releases + statistics.leased);
  EXPECT_EQ(statistics.total_releases, statistics.submissions + statistics.discarded);
  EXPECT_EQ(statistics.submissions,
            statistics.completions + statistics.failures + statistics.in_flight);
  EXPECT_LE(statistics.timeout_events, statistics.wait_events);
  EXPECT_GE(statistics.reuse_rate, 0.0);
  EXPECT_LE(statistics.reuse_rate, 1.0);
}

TEST(StatisticsCounter, BeforeTheFirstAcquisition) {
  const auto statistics = read(StatisticsCounter(true));
  EXPECT_EQ(statistics.reuse_rate, 1.0);
  EXPECT_EQ(statistics.avg_wait_ms, 0.0);
  expect_equations(statistics);
}

TEST(StatisticsCounter, DerivesRatesFromCounts) {
  StatisticsCounter counter(true);
  for (int i = 0; i < 8; ++i) counter.acquired();
  counter.wait_started();
  counter.wait_ended(1500us);
  counter.wait_started();
  counter.wait_ended(500us);
  counter.ended(false);
  counter.ended(true);
  counter.discarded();
  counter.hang_reported();
  const auto statistics = read(counter, 3, 1);
  EXPECT_EQ(statistics.total_acquisitions, 8U);
  EXPECT_EQ(statistics.wait_events, 2U);
  EXPECT_DOUBLE_EQ(statistics.reuse_rate, 0.75);
  EXPECT_DOUBLE_EQ(statistics.total_wait_ms, 2.0);
  EXPECT_DOUBLE_EQ(statistics.avg_wait_ms, 1.0) << "per wait, not per acquisition";
  EXPECT_DOUBLE_EQ(statistics.max_wait_ms, 1.5);
  EXPECT_EQ(statistics.submissions, 4U) << "three with the driver, one held back";
  EXPECT_EQ(statistics.in_flight, 2U);
  EXPECT_EQ(statistics.completions, 1U);
  EXPECT_EQ(statistics.failures, 1U);
  EXPECT_EQ(statistics.discarded, 1U);
  EXPECT_EQ(statistics.leased, 3U);
  EXPECT_EQ(statistics.total_releases, 5U);
  EXPECT_EQ(statistics.hang_warnings, 1U);
  expect_equations(statistics);
}

TEST(StatisticsCounter, LeavesTheOtherFieldsAlone) {
  RingStatistics statistics{.ring_size = 3, .current_index = 2};
  StatisticsCounter(true).read(statistics, 0, 0);
  EXPECT_EQ(statistics.ring_size, 3U);
  EXPECT_EQ(statistics.current_index, 2U);
}

TEST(StatisticsCounter, WhatWasHeldAndNeverSentIsASubmissionAllTheSame) {
  StatisticsCounter counter(true);
  counter.acquired();
  EXPECT_EQ(read(counter, 0, 1).in_flight, 1U);
  counter.submitted_unsent();
  counter.ended(true);
  const auto statistics = read(counter, 0, 0);
  EXPECT_EQ(statistics.submissions, 1U);
  EXPECT_EQ(statistics.failures, 1U);
  EXPECT_EQ(statistics.in_flight, 0U);
  EXPECT_EQ(statistics.leased, 0U);
  expect_equations(statistics);
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

TEST(StatisticsCounter, AResetCountsWhatIsThereAsIfItHadJustComeIn) {
  StatisticsCounter counter(true);
  for (int i = 0; i < 9; ++i) counter.acquired();
  counter.wait_started();
  counter.wait_ended(1ms);
  counter.ended(false);
  counter.ended(true);
  counter.discarded();
  counter.hang_reported();
  // Of nine: four sent, of which two have ended; one held; one discarded; three leased.
  counter.reset(4, 1);
  auto statistics = read(counter, 4, 1);
  EXPECT_EQ(statistics.total_acquisitions, 6U);
  EXPECT_EQ(statistics.submissions, 3U);
  EXPECT_EQ(statistics.in_flight, 3U);
  EXPECT_EQ(statistics.leased, 3U);
  EXPECT_EQ(statistics.completions, 0U);
  EXPECT_EQ(statistics.failures, 0U);
  EXPECT_EQ(statistics.discarded, 0U);
  EXPECT_EQ(statistics.wait_events, 0U);
  EXPECT_EQ(statistics.timeout_events, 0U);
  EXPECT_EQ(statistics.hang_warnings, 0U);
  EXPECT_EQ(statistics.total_wait_ms, 0.0);
  EXPECT_EQ(statistics.max_wait_ms, 0.0);
  expect_equations(statistics);
  // They end afterwards, and a second reset finds nothing.
  for (int i = 0; i < 3; ++i) {
    counter.ended(false);
    counter.discarded();
  }
  statistics = read(counter, 5, 0);
  EXPECT_EQ(statistics.completions, 3U);
  EXPECT_EQ(statistics.discarded, 3U);
  EXPECT_EQ(statistics.total_releases, 6U);
  expect_equations(statistics);
  counter.reset(5, 0);
  EXPECT_EQ(read(counter, 5, 0).total_acquisitions, 0U);
}

TEST(StatisticsCounter, AWaitUnderWayAtAResetIsCountedByWhoResets) {
  StatisticsCounter counter(true);
  counter.wait_started();
  counter.wait_started();
  counter.reset(0, 0);
  // As the ring does, for each that waits.
  counter.wait_started();
  counter.wait_started();
  counter.timed_out();
  counter.wait_ended(1ms);
  const auto statistics = read(counter);
  EXPECT_EQ(statistics.wait_events, 2U);
  EXPECT_EQ(statistics.timeout_events, 1U);
  EXPECT_DOUBLE_EQ(statistics.avg_wait_ms, 0.5);
  expect_equations(statistics);
}

TEST(StatisticsCounter, TheEquationsHoldWhateverHappensInWhateverOrder) {
  std::mt19937 random(1);
  StatisticsCounter counter(true);
  std::uint64_t sent = 0;
  std::uint64_t held = 0;
  std::uint32_t leased = 0;
  std::uint32_t in_flight = 0;  // with the driver
  std::uint32_t waiting = 0;
  for (int i = 0; i < 20'000; ++i) {
    switch (random() % 10) {
      case 0:
        counter.acquired();
        ++leased;
        break;
      case 1:
        if (leased == 0) break;
        counter.discarded();
        --leased;
        break;
      case 2:
        if (leased == 0) break;
        ++sent;
        ++in_flight;
        --leased;
        break;
      case 3:
        if (leased == 0) break;
        ++held;
        --leased;
        break;
      case 4:
        if (held == 0) break;
        --held;
        ++sent;
        ++in_flight;
        break;
      case 5:
        if (held == 0) break;
        --held;
        counter.submitted_unsent();
        counter.ended(true);
        break;
      case 6:
        if (in_flight == 0) break;
        counter.ended(random() % 2 == 0);
        --in_flight;
        break;
      case 7:
        counter.wait_started();
        ++waiting;
        break;
      case 8:
        if (waiting == 0) break;
        if (random() % 2 == 0) counter.timed_out();
        counter.wait_ended(1ms);
        --waiting;
        break;
      default:
        if (random() % 8 != 0) break;
        counter.reset(sent, held);
        for (std::uint32_t waiter = 0; waiter < waiting; ++waiter) counter.wait_started();
        break;
    }
    const auto statistics = read(counter, sent, held);
    ASSERT_EQ(statistics.leased, leased);
    ASSERT_EQ(statistics.in_flight, in_flight + held);
    ASSERT_LE(statistics.submissions, sent + 20'000);
    expect_equations(statistics);
    ASSERT_FALSE(testing::Test::HasFailure()) << i;
  }
}

TEST(StatisticsCounter, CountsNothingWhenOff) {
  StatisticsCounter counter(false);
  counter.acquired();
  counter.acquired();
  counter.acquired();
  counter.wait_started();
  counter.wait_ended(1ms);
  counter.timed_out();
  counter.ended(false);
  counter.discarded();
  counter.hang_reported();
  counter.reset(2, 0);
  const auto statistics = read(counter, 2, 0);
  EXPECT_EQ(statistics.total_acquisitions, 0U);
  EXPECT_EQ(statistics.total_releases, 0U);
  EXPECT_EQ(statistics.submissions, 0U);
  EXPECT_EQ(statistics.total_wait_ms, 0.0);
  EXPECT_EQ(statistics.timeout_events, 0U);
  EXPECT_EQ(statistics.hang_warnings, 0U);
  EXPECT_EQ(statistics.reuse_rate, 1.0);
  EXPECT_EQ(statistics.in_flight, 1U) << "what is there is told all the same";
}

}  // namespace
}  // namespace cbr::detail
