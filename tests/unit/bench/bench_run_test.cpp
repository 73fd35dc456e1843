#include "bench/bench_run.h"

#include <utility>
#include <vector>

#include <gmock/gmock.h>

#include <cbr/simulated.h>

#include "bench/run_summary.h"
#include "bench/simulated_workload.h"

namespace cbr::bench {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// Notes the ring sizes it is run with and measures nothing.
class NotingWorkload : public Workload {
 public:
  RoundSamples run_round(CommandBufferRing& ring, const StopFlag& /*stop*/) override {
    ring_sizes.push_back(ring.ring_size());
    hand_overs.push_back(hand_over);
    if (stop_after == ring_sizes.size()) *stop_flag = true;
    RoundSamples samples;
    samples.complete = incomplete_at != ring_sizes.size();
    return samples;
  }

  void set_hand_over(HandOver next) override { hand_over = next; }

  std::vector<std::uint32_t> ring_sizes;
  std::vector<HandOver> hand_overs;
  HandOver hand_over = HandOver::gpu;
  std::size_t stop_after = 0;
  std::size_t incomplete_at = 0;
  StopFlag* stop_flag = nullptr;
};

class RunInterleavedTest : public testing::Test {
 protected:
  RunRecord run(std::vector<std::uint32_t> ring_sizes, std::uint32_t rounds) {
    workload.stop_flag = &stop;
    return run_interleaved(simulated::make_gpu(), workload,
                           {.ring_sizes = std::move(ring_sizes), .rounds = rounds}, stop);
  }

  StopFlag stop{false};
  NotingWorkload workload;
};

TEST(RingOrder, AlternatesFromRoundToRound) {
  const std::vector<std::uint32_t> sizes = {1, 2, 3};
  EXPECT_THAT(ring_order(sizes, 0), ElementsAre(1, 2, 3));
  EXPECT_THAT(ring_order(sizes, 1), ElementsAre(3, 2, 1));
  EXPECT_THAT(ring_order(sizes, 2), ElementsAre(1, 2, 3));
}

TEST_F(RunInterleavedTest, RunsEverySizeOnceInEachRound) {
  const RunRecord record = run({1, 2, 4}, 3);
  EXPECT_THAT(workload.ring_sizes, ElementsAre(1, 2, 4, 4, 2, 1, 1, 2, 4));
  EXPECT_TRUE(record.complete);
  ASSERT_THAT(record.rings, SizeIs(3));
  for (const RingRecord& ring : record.rings) EXPECT_THAT(ring.rounds, SizeIs(3));
}

TEST_F(RunInterleavedTest, TakesTurnsWithTheHandOvers) {
  const RunRecord record =
      run_interleaved(simulated::make_gpu(), workload,
                      {.ring_sizes = {1, 2}, .rounds = 2, .compares_hand_overs = true}, stop);
  EXPECT_THAT(workload.ring_sizes, ElementsAre(1, 1, 2, 2, 2, 2, 1, 1));
  const HandOver gpu = HandOver::gpu;
  const HandOver host = HandOver::host;
  EXPECT_THAT(workload.hand_overs, ElementsAre(gpu, host, gpu, host, host, gpu, host, gpu));
  EXPECT_TRUE(record.complete);
  for (const RingRecord& ring : record.rings) {
    EXPECT_THAT(ring.rounds, SizeIs(2));
    EXPECT_THAT(ring.host_rounds, SizeIs(2));
  }
}

TEST_F(RunInterleavedTest, ReportsProgressBeforeEachMeasurement) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> seen;
  (void)run_interleaved(simulated::make_gpu(), workload, {.ring_sizes = {1, 3}, .rounds = 2}, stop,
                        [&](std::uint32_t done, std::uint32_t total, std::uint32_t ring_size) {
                          EXPECT_EQ(total, 4U);
                          seen.emplace_back(done, ring_size);
                        });
  EXPECT_THAT(seen, ElementsAre(std::pair(0U, 1U), std::pair(1U, 3U), std::pair(2U, 3U),
                                std::pair(3U, 1U)));
}

TEST_F(RunInterleavedTest, KeepsWhatWasCompleteWhenStopped) {
  workload.stop_after = 5;
  const RunRecord record = run({1, 2, 3}, 3);
  EXPECT_FALSE(record.complete);
  EXPECT_THAT(workload.ring_sizes, ElementsAre(1, 2, 3, 3, 2));
  EXPECT_THAT(record.rings[0].rounds, SizeIs(1));
  EXPECT_THAT(record.rings[1].rounds, SizeIs(2));
  EXPECT_THAT(record.rings[2].rounds, SizeIs(2));
}

TEST_F(RunInterleavedTest, DropsARoundThatWasCutShort) {
  workload.incomplete_at = 2;
  const RunRecord record = run({1, 2}, 1);
  EXPECT_FALSE(record.complete);
  EXPECT_THAT(record.rings[0].rounds, SizeIs(1));
  EXPECT_THAT(record.rings[1].rounds, IsEmpty());
}

TEST_F(RunInterleavedTest, DoesNothingIfStoppedBefore) {
  stop = true;
  EXPECT_FALSE(run({1, 2}, 2).complete);
  EXPECT_THAT(workload.ring_sizes, IsEmpty());
}

/// The result of a benchmark with given times on the simulated backend.
BenchResult simulate(const SimulatedTimes& times, std::uint32_t steps, std::uint32_t rounds) {
  SimulatedWorkload workload(times, steps);
  const StopFlag stop{false};
  BenchResult result;
  result.config.synthetic = SyntheticConfig{.steps = steps};
  result.device.name = "the simulated device";
  add_measurements(run_interleaved(simulated::make_gpu(), workload,
                                   {.ring_sizes = {1, 2, 3}, .rounds = rounds}, stop),
                   result);
  return result;
}

TEST(SimulatedBench, TheSerialBaselineAddsUpExactly) {
  const BenchResult result =
      simulate({.encode_us = 20, .submit_us = 5, .gpu_us = 44, .completion_us = 31}, 100, 4);
  const RunResult& serial = result.runs.at(0);
  // Each step is recorded, submitted, run and seen before the next begins.
  EXPECT_DOUBLE_EQ(*serial.gpu.busy_fraction, 44.0 / (20 + 5 + 44 + 31));
  EXPECT_DOUBLE_EQ(serial.units_per_sec.median, 1e6 / (20 + 5 + 44 + 31));
  EXPECT_DOUBLE_EQ(serial.units_per_sec.std_dev, 0);
  EXPECT_DOUBLE_EQ(serial.gpu.encode_us, 20);
  EXPECT_DOUBLE_EQ(*serial.gpu.execute_us, 44);
  EXPECT_DOUBLE_EQ(serial.gpu.idle_gaps->median_us, 20 + 5 + 31);
  EXPECT_DOUBLE_EQ(serial.gpu.idle_gaps->p99_us, 20 + 5 + 31);
  // 99 gaps in each of the 4 rounds.
  EXPECT_EQ(serial.gpu.idle_gaps->count, 4U * 99U);
}

TEST(SimulatedBench, TheBusyGpuNeverIdlesInARing) {
  const BenchResult result =
      simulate({.encode_us = 20, .submit_us = 0, .gpu_us = 44, .completion_us = 0}, 1000, 2);
  const RunResult& ringed = result.runs.at(1);
  // Only the first encode is not hidden.
  EXPECT_DOUBLE_EQ(*ringed.gpu.busy_fraction, 44.0 * 1000 / (44.0 * 1000 + 20));
  EXPECT_EQ(ringed.gpu.idle_gaps->count, 0U);
  EXPECT_DOUBLE_EQ(ringed.gpu.idle_gaps->median_us, 0);
}

TEST(SimulatedBench, CountersAreSumsOverTheRounds) {
  const BenchResult result = simulate({}, 100, 3);
  const RingStatistics& ring = result.runs.at(0).ring;
  EXPECT_EQ(ring.total_acquisitions, 300U);
  EXPECT_EQ(ring.completions, 300U);
  // Serially, all but the first of each round find the slot in flight.
  EXPECT_EQ(ring.wait_events, 297U);
  EXPECT_DOUBLE_EQ(ring.reuse_rate, 0.01);
  EXPECT_NEAR(ring.avg_wait_ms, 0.075, 1e-9);
  EXPECT_NEAR(ring.total_wait_ms, 297 * 0.075, 1e-6);
}

TEST(SimulatedBench, ComparesWithTheFirstSize) {
  const BenchResult result = simulate({}, 1000, 3);
  ASSERT_THAT(result.comparisons, SizeIs(2));
  EXPECT_EQ(result.comparisons[0].ring_size, 2U);
  EXPECT_EQ(result.comparisons[0].baseline, 1U);
  EXPECT_NEAR(result.comparisons[1].speedup.ratio, 100.0 / 44, 0.01);
  EXPECT_TRUE(result.results_match);
  EXPECT_EQ(result.runs[0].tokens_sha256, result.runs[2].tokens_sha256);
}

TEST(SimulatedBench, StopsBetweenSteps) {
  SimulatedWorkload workload({}, 100);
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 2});
  const StopFlag stop{true};
  const RoundSamples samples = workload.run_round(ring, stop);
  EXPECT_FALSE(samples.complete);
  EXPECT_EQ(ring.statistics().total_acquisitions, 0U);
}

}  // namespace
}  // namespace cbr::bench
