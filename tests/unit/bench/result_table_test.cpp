#include "bench/result_table.h"

#include <chrono>

#include <gmock/gmock.h>

#include <cbr/diagnosis.h>

#include "bench/run_summary.h"

namespace cbr::bench {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

BenchResult example() {
  BenchResult result;
  result.complete = true;
  result.device = {.backend = "vulkan",
                   .name = "Fast GPU",
                   .driver = "driver 1.2",
                   .api_version = "1.3.0",
                   .type = "discrete GPU"};
  result.config.decode =
      DecodeConfig{.model = "tiny", .prompts = "p", .questions = 3, .max_tokens = 32};
  result.config.rounds = 1;
  for (const std::uint32_t ring_size : {1U, 2U}) {
    RunResult run;
    run.ring_size = ring_size;
    run.tokens_sha256 = "same";
    run.samples.units_per_sec = {100.0 * ring_size};
    run.units_per_sec = summarize(run.samples.units_per_sec);
    result.runs.push_back(run);
  }
  result.comparisons = compare_runs(result.runs);
  result.verdict = "A verdict.";
  return result;
}

TEST(ResultTable, NamesDeviceWorkloadAndVerdict) {
  const std::string text = result_table(example());
  EXPECT_THAT(text, HasSubstr("Fast GPU: discrete GPU, Vulkan 1.3.0, driver 1.2\n"));
  EXPECT_THAT(text, HasSubstr("tiny: 3 questions of at most 32 tokens; 1 round, interleaved\n"));
  EXPECT_THAT(text, HasSubstr("tokens/s"));
  EXPECT_TRUE(text.ends_with("\nA verdict.\n"));
}

TEST(ResultTable, OneRoundShowsADashForTheInterval) {
  EXPECT_THAT(result_table(example()), HasSubstr("2.00×              –"));
}

TEST(ResultTable, CriesOutForDifferentTokens) {
  BenchResult result = example();
  EXPECT_THAT(result_table(result), Not(HasSubstr("DIFFERENT")));
  result.runs[1].tokens_sha256 = "other";
  EXPECT_THAT(result_table(result), HasSubstr("DIFFERENT"));
}

TEST(ResultTable, SaysThatItWasStopped) {
  BenchResult result = example();
  EXPECT_THAT(result_table(result), Not(HasSubstr("Stopped early")));
  result.complete = false;
  EXPECT_THAT(result_table(result), HasSubstr("Stopped early"));
}

TEST(ResultTable, SaysThatTimesAreSimulated) {
  BenchResult result = example();
  result.device.backend = "simulated";
  result.config.decode.reset();
  result.config.synthetic = SyntheticConfig{.steps = 10};
  result.config.simulated = SimulatedTimes{};
  const std::string text = result_table(result);
  EXPECT_THAT(text, HasSubstr("all times below are simulated"));
  EXPECT_THAT(text, HasSubstr("10 steps of 20 µs encode, 5 µs submit, 44 µs GPU"));
  EXPECT_THAT(text, HasSubstr("steps/s"));
}

RingStatistics with_activity(std::uint32_t ring_size) {
  RingStatistics ring;
  ring.ring_size = ring_size;
  ring.submissions = 100;
  GpuActivity& gpu = ring.gpu.emplace();
  gpu.submissions = 100;
  gpu.gaps = 100;
  gpu.busy = 81ms;
  gpu.idle = 19ms;
  gpu.idle_by_cause[GapCause::encode] = 5ms;
  gpu.idle_by_cause[GapCause::device] = 12ms;
  gpu.idle_by_cause[GapCause::wake_up] = 1980us;
  // Less than the table shows.
  gpu.idle_by_cause[GapCause::submit] = 20us;
  return ring;
}

TEST(ResultTable, SaysWhereTheIdleTimeWent) {
  BenchResult result = example();
  EXPECT_THAT(result_table(result), Not(HasSubstr("idle 1")));
  // The second ring size is the smaller one.
  result.runs[0].ring_size = 3;
  result.runs[0].ring = with_activity(3);
  result.runs[1].ring = with_activity(2);
  result.runs[1].ring.gpu->idle_after_wait[GapCause::encode] = 5ms;
  const std::string text = result_table(result);
  EXPECT_THAT(text, HasSubstr("ring 3: idle 19.0 %: device 12.0 %, encode 5.0 %, wake_up 2.0 %\n"
                              "ring 2: idle 19.0 %: device 12.0 %, encode 5.0 %, wake_up 2.0 %\n"));
  const Finding main = diagnose(result.runs[1].ring).findings.front();
  EXPECT_THAT(text, HasSubstr("\nRing size 2: " + main.text + " " + main.action + "\n"));
  EXPECT_TRUE(text.ends_with("\nA verdict.\n"));
}

TEST(ResultTable, OfAGpuThatWasNeverIdleNamesNoCause) {
  BenchResult result = example();
  result.runs[0].ring = with_activity(1);
  result.runs[0].ring.gpu->idle = 0ms;
  result.runs[0].ring.gpu->idle_by_cause = {};
  EXPECT_THAT(result_table(result), HasSubstr("ring 1: idle 0.0 %\n"));
  // Its times are not known.
  EXPECT_THAT(result_table(result), Not(HasSubstr("ring 2: idle")));
}

}  // namespace
}  // namespace cbr::bench
