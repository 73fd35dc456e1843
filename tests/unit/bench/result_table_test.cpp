#include "bench/result_table.h"

#include <gmock/gmock.h>

#include "bench/run_summary.h"

namespace cbr::bench {
namespace {

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

}  // namespace
}  // namespace cbr::bench
