#include "bench/run_summary.h"

#include <gmock/gmock.h>

namespace cbr::bench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

RoundSamples round_of(std::chrono::nanoseconds wall, const std::string& hash = "a") {
  RoundSamples round;
  round.complete = true;
  round.units = 10;
  round.wall = wall;
  round.encode_us = {1, 2, 3};
  round.step_ms = {4, 6};
  round.result_sha256 = hash;
  return round;
}

TEST(SummarizeRun, OfNoRoundsIsNothing) {
  EXPECT_FALSE(summarize_run({.ring_size = 1, .rounds = {}}));
}

TEST(SummarizeRun, WithoutTimestampsSaysNothingOfTheGpu) {
  const auto run = summarize_run({.ring_size = 1, .rounds = {round_of(1s)}});
  ASSERT_TRUE(run);
  EXPECT_FALSE(run->gpu.busy_fraction);
  EXPECT_FALSE(run->gpu.idle_gaps);
  EXPECT_FALSE(run->gpu.execute_us);
  EXPECT_THAT(run->samples.busy_fraction, IsEmpty());
  EXPECT_DOUBLE_EQ(run->gpu.encode_us, 2);
}

TEST(SummarizeRun, WithoutQuestionsHasNoTimeToFirstToken) {
  EXPECT_FALSE(summarize_run({.ring_size = 1, .rounds = {round_of(1s)}})->ttft_ms);
}

TEST(SummarizeRun, WeighsBusyTimeByWallTime) {
  RoundSamples brief = round_of(100ns);
  brief.encode_us = {1};
  brief.gpu_intervals = {{0ns, 100ns}};
  RoundSamples lengthy = round_of(900ns);
  lengthy.encode_us = {1, 2};
  lengthy.gpu_intervals = {{0ns, 200ns}, {500ns, 600ns}};
  const auto run = summarize_run({.ring_size = 2, .rounds = {brief, lengthy}});
  EXPECT_DOUBLE_EQ(*run->gpu.busy_fraction, 0.4);
  EXPECT_THAT(run->samples.busy_fraction, ElementsAre(1.0, testing::DoubleEq(1.0 / 3)));
  // Time between rounds is no gap.
  EXPECT_EQ(run->gpu.idle_gaps->count, 1U);
  EXPECT_DOUBLE_EQ(run->gpu.idle_gaps->median_us, 0.3);
}

TEST(SummarizeRun, WithTheTimesOfSomeStepsDoesNotCallTheOthersIdle) {
  RoundSamples sampled = round_of(1us);
  sampled.gpu_intervals = {{0ns, 100ns}, {800ns, 900ns}};
  const auto run = summarize_run({.ring_size = 2, .rounds = {sampled}});
  EXPECT_FALSE(run->gpu.busy_fraction);
  EXPECT_FALSE(run->gpu.idle_gaps);
  EXPECT_THAT(run->samples.busy_fraction, IsEmpty());
  EXPECT_DOUBLE_EQ(*run->gpu.execute_us, 0.1);
}

TEST(SummarizeRun, RatesAreByRoundAndStepsOverAll) {
  RoundSamples first = round_of(1s);
  first.ttft_ms = {5, 7};
  RoundSamples second = round_of(2s);
  second.ttft_ms = {9, 11};
  const auto run = summarize_run({.ring_size = 1, .rounds = {first, second}});
  EXPECT_THAT(run->samples.units_per_sec, ElementsAre(10, 5));
  EXPECT_DOUBLE_EQ(run->units_per_sec.mean, 7.5);
  EXPECT_DOUBLE_EQ(run->ttft_ms->median, 8);
  EXPECT_THAT(run->samples.ttft_ms, ElementsAre(6, 10));
  EXPECT_DOUBLE_EQ(run->step_ms.median, 5);
}

TEST(SummarizeRun, AddsUpWhatTheGpuDidInEachRound) {
  RoundSamples first = round_of(1s);
  first.ring.hang_warnings = 1;
  first.ring.gpu.emplace();
  first.ring.gpu->busy = 60us;
  first.ring.gpu->idle = 20us;
  first.ring.gpu->idle_by_cause[GapCause::encode] = 20us;
  first.ring.gpu->gap_histogram.add(20us);
  first.ring.gpu->peak_in_use = 3;
  first.ring.gpu->queues = 2;
  RoundSamples second = first;
  second.ring.gpu->busy = 100us;
  second.ring.gpu->peak_in_use = 2;
  second.ring.gpu->queues = 2;
  // One whose times are not known takes nothing away.
  const auto run = summarize_run({.ring_size = 3, .rounds = {first, second, round_of(1s)}});
  ASSERT_TRUE(run->ring.gpu);
  EXPECT_EQ(run->ring.gpu->busy, 160us);
  EXPECT_EQ(run->ring.gpu->idle, 40us);
  EXPECT_EQ(run->ring.gpu->idle_by_cause[GapCause::encode], 40us);
  EXPECT_EQ(run->ring.gpu->gap_histogram[GapHistogram::index_of(20us)], 2U);
  // Of rounds that follow each other: not the sum, which no ring of that size could have.
  EXPECT_EQ(run->ring.gpu->peak_in_use, 3U);
  EXPECT_EQ(run->ring.gpu->queues, 2U);
  EXPECT_EQ(run->ring.hang_warnings, 2U);
  EXPECT_FALSE(summarize_run({.ring_size = 3, .rounds = {round_of(1s)}})->ring.gpu);
}

TEST(ResultsMatch, SeesOneDifferentRound) {
  RunRecord record;
  record.rings = {{.ring_size = 1, .rounds = {round_of(1s), round_of(1s)}},
                  {.ring_size = 2, .rounds = {round_of(1s), round_of(1s)}}};
  EXPECT_TRUE(results_match(record));
  record.rings[1].rounds[1].result_sha256 = "b";
  EXPECT_FALSE(results_match(record));
}

TEST(AddMeasurements, WithoutTheBaselineComparesNothing) {
  RunRecord record;
  record.rings = {{.ring_size = 1, .rounds = {}},
                  {.ring_size = 2, .rounds = {round_of(1s)}},
                  {.ring_size = 3, .rounds = {round_of(1s)}}};
  BenchResult result;
  add_measurements(record, result);
  EXPECT_THAT(result.runs, SizeIs(2));
  EXPECT_THAT(result.comparisons, IsEmpty());
  EXPECT_FALSE(result.complete);
}

}  // namespace
}  // namespace cbr::bench
