// What gpu_time_budget gains over constants. All by the virtual clock, so exact and everywhere the
// same; benchmarks/submission_size prints the numbers.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include <cbr/submit_policy.h>

#include "unit/core/submission_workloads.h"

namespace cbr::test {
namespace {

using namespace std::chrono_literals;

TEST(SubmissionSize, GpuTimeIsWithinOnePercentOfTheBestConstant) {
  for (const Workload& workload : workloads()) {
    for (const std::uint32_t ring_size : {2U, 3U}) {
      const Machine machine{.ring_size = ring_size};
      const Rule best = best_constant(workload, machine);
      EXPECT_GE(gain(workload, gpu_time(), best, machine), -0.01)
          << workload.name << ", ring " << ring_size << ", best: " << best.name;
    }
  }
}

TEST(SubmissionSize, EachConstantOfTheFieldLosesFivePercentSomewhere) {
  const auto rules = constants_of_the_field();
  std::vector<double> worst(rules.size());
  for (const Workload& workload : workloads()) {
    const Rule best = best_constant(workload);
    for (std::size_t i = 0; i < rules.size(); ++i) {
      worst[i] = std::min(worst[i], gain(workload, rules[i], best));
    }
  }
  for (std::size_t i = 0; i < rules.size(); ++i) EXPECT_LE(worst[i], -0.05) << rules[i].name;
}

TEST(SubmissionSize, NoSubmissionOfSeveralCommandsIsMuchLongerThanTheBudget) {
  auto all = workloads();
  all.push_back(growing_thousandfold());
  for (const Workload& workload : all) {
    const Outcome outcome = run(workload, gpu_time());
    // The commands vary by 3 %.
    EXPECT_LE(outcome.longest_of_several, 1.04 * 2ms) << workload.name;
  }
}

TEST(SubmissionSize, CommandsAloneAreEnoughToLearnFromWhereTheyAreAlike) {
  Rule rule = gpu_time();
  rule.counts_bytes = false;
  for (const Workload& workload : workloads()) {
    EXPECT_GE(gain(workload, rule, best_constant(workload)), -0.01) << workload.name;
  }
}

TEST(SubmissionSize, WhoLooksOnlyWhenTakingASlotLosesLittle) {
  Rule rule = gpu_time();
  rule.looks = false;
  for (const Workload& workload : workloads()) {
    EXPECT_GE(gain(workload, rule, best_constant(workload)), -0.01) << workload.name;
  }
}

TEST(SubmissionSize, AWatchdogOfTwoSecondsTakesConstantsButNotTheBudget) {
  const Workload workload = growing_thousandfold();
  const Machine machine{.watchdog = 2s};
  const Rule hundred{"100 commands", {.max_commands = 100}};
  EXPECT_TRUE(run(workload, hundred, machine).device_lost);
  const Outcome outcome = run(workload, gpu_time(), machine);
  EXPECT_FALSE(outcome.device_lost);
  EXPECT_EQ(outcome.statistics.total_commands, workload.steps[0].size());
  // Where only commands are counted, the growth comes as a surprise, but not as one of a thousand.
  Rule rule = gpu_time();
  rule.counts_bytes = false;
  const Outcome surprised = run(workload, rule, machine);
  EXPECT_FALSE(surprised.device_lost);
  EXPECT_LT(surprised.longest_of_several, 10ms);
  EXPECT_EQ(surprised.statistics.total_commands, workload.steps[0].size());
}

}  // namespace
}  // namespace cbr::test
