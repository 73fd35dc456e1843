#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>
#include <cbr/ring.h>
#include <cbr/simulated.h>
#include <cbr/submit_policy.h>

namespace cbr {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(SubmitPolicy, WithoutLimitsItOnlyCounts) {
  SubmitPolicy policy;
  EXPECT_FALSE(policy.add(1'000'000, std::numeric_limits<std::uint64_t>::max()));
  EXPECT_FALSE(policy.due(TimePoint(10h)));
  EXPECT_EQ(policy.pending_commands(), 1'000'000U);
  EXPECT_EQ(policy.command_limit(), std::nullopt);
  EXPECT_EQ(policy.byte_limit(), std::nullopt);
  EXPECT_EQ(policy.submitted(), SubmitReason::end);
}

TEST(SubmitPolicy, CommandsAreEnoughAtTheLimit) {
  SubmitPolicy policy({.max_commands = 3});
  EXPECT_FALSE(policy.add());
  EXPECT_FALSE(policy.add());
  EXPECT_FALSE(policy.enough());
  EXPECT_TRUE(policy.add());
  EXPECT_TRUE(policy.enough());
  EXPECT_EQ(policy.submitted(), SubmitReason::commands);
  EXPECT_FALSE(policy.enough());
  EXPECT_EQ(policy.pending_commands(), 0U);
  EXPECT_FALSE(policy.add(2));
}

TEST(SubmitPolicy, BytesAreEnoughAtTheLimit) {
  SubmitPolicy policy({.max_commands = 100, .max_bytes = 1000});
  EXPECT_FALSE(policy.add(1, 999));
  EXPECT_TRUE(policy.add(1, 1));
  EXPECT_EQ(policy.pending_bytes(), 1000U);
  EXPECT_EQ(policy.submitted(), SubmitReason::bytes);
  EXPECT_EQ(policy.pending_bytes(), 0U);
}

TEST(SubmitPolicy, BytesDoNotBeginAgainAtZero) {
  SubmitPolicy policy({.max_bytes = 1000});
  policy.add(1, 999);
  EXPECT_TRUE(policy.add(1, std::numeric_limits<std::uint64_t>::max()));
}

TEST(SubmitPolicy, TheFirstReasonCounts) {
  SubmitPolicy policy({.max_commands = 2, .max_bytes = 10, .max_age = 1ms});
  policy.add(1, 10);
  EXPECT_TRUE(policy.add(1, 0));
  EXPECT_TRUE(policy.due(TimePoint(1h)));
  EXPECT_EQ(policy.submitted(), SubmitReason::bytes);
}

TEST(SubmitPolicy, AgeCountsFromTheFirstLookAtRecordedCommands) {
  SubmitPolicy policy({.max_age = 2ms});
  EXPECT_FALSE(policy.due(TimePoint(1ms)));  // nothing recorded: nothing ages
  policy.add();
  EXPECT_FALSE(policy.due(TimePoint(5ms)));
  EXPECT_FALSE(policy.due(TimePoint(7ms - 1ns)));
  EXPECT_TRUE(policy.due(TimePoint(7ms)));
  EXPECT_TRUE(policy.add());
  EXPECT_EQ(policy.submitted(), SubmitReason::age);
  policy.add();
  EXPECT_FALSE(policy.due(TimePoint(20ms)));
}

TEST(SubmitPolicy, ARampStartsSmallAndDoubles) {
  SubmitPolicy policy({.max_commands = 80, .max_bytes = 16, .ramp = 3});
  std::vector<std::uint64_t> limits;
  for (int i = 0; i < 5; ++i) {
    limits.push_back(policy.command_limit().value());
    EXPECT_EQ(policy.byte_limit().value() * 5, policy.command_limit().value());
    EXPECT_FALSE(policy.add(limits.back() - 1));
    EXPECT_TRUE(policy.add());
    policy.submitted();
  }
  EXPECT_THAT(limits, ElementsAre(10, 20, 40, 80, 80));
  policy.restart_ramp();
  EXPECT_EQ(policy.command_limit(), 10U);
}

TEST(SubmitPolicy, WhatIsDiscardedIsNoSubmission) {
  SubmitPolicy policy({.max_commands = 4, .ramp = 1});
  policy.add(2, 7);
  policy.discarded();
  EXPECT_FALSE(policy.enough());
  EXPECT_EQ(policy.pending_bytes(), 0U);
  EXPECT_EQ(policy.command_limit(), 2U);  // the ramp waits for a submission
  EXPECT_EQ(policy.statistics().submissions, 0U);
}

TEST(SubmitPolicy, StatisticsTellReasonsAveragesAndTheLargest) {
  SubmitPolicy policy({.max_commands = 4, .max_bytes = 100, .max_age = 1ms});
  policy.add(4, 10);
  policy.submitted();
  policy.add(1, 130);
  policy.submitted();
  policy.add(1);
  policy.due(TimePoint(1ms));
  policy.due(TimePoint(2ms));
  policy.submitted();
  policy.add(2, 20);
  policy.submitted();
  const SubmitPolicyStatistics statistics = policy.statistics();
  EXPECT_EQ(statistics.submissions, 4U);
  EXPECT_EQ(statistics.by_commands, 1U);
  EXPECT_EQ(statistics.by_bytes, 1U);
  EXPECT_EQ(statistics.by_age, 1U);
  EXPECT_EQ(statistics.by_end, 1U);
  EXPECT_EQ(statistics.total_commands, 8U);
  EXPECT_EQ(statistics.total_bytes, 160U);
  EXPECT_EQ(statistics.avg_commands, 2.0);
  EXPECT_EQ(statistics.avg_bytes, 40.0);
  EXPECT_EQ(statistics.largest_commands, 4U);
  EXPECT_EQ(statistics.largest_bytes, 130U);
  policy.reset_statistics();
  EXPECT_EQ(policy.statistics().submissions, 0U);
  EXPECT_EQ(policy.statistics().avg_bytes, 0.0);
}

TEST(SubmitPolicy, RefusesLimitsThatMeanNothing) {
  const auto make = [](SubmitPolicyOptions options) {
    return [options] { SubmitPolicy policy(options); };
  };
  EXPECT_THAT(make({.max_commands = 0}),
              ThrowsMessage<InvalidOption>(HasSubstr("max_commands is 0, allowed are 1")));
  EXPECT_THAT(make({.max_bytes = 0}), ThrowsMessage<InvalidOption>(HasSubstr("max_bytes is 0")));
  EXPECT_THAT(make({.max_age = 0ns}), ThrowsMessage<InvalidOption>(HasSubstr("max_age is 0 ns")));
  EXPECT_THAT(make({.gpu_time_budget = 0ns}),
              ThrowsMessage<InvalidOption>(HasSubstr("gpu_time_budget is 0 ns, allowed are 1")));
  EXPECT_THAT(make({.max_commands = 7, .ramp = 3}),
              ThrowsMessage<InvalidOption>(HasSubstr("a ramp of 3 needs at least 8")));
  EXPECT_THAT(make({.ramp = 1}), ThrowsMessage<InvalidOption>(HasSubstr("to be halved")));
  EXPECT_THAT(make({.max_commands = 1, .ramp = 17}),
              ThrowsMessage<InvalidOption>(HasSubstr("allowed are 0 to 16")));
}

TEST(SubmitPolicy, ReasonsHaveNames) {
  EXPECT_EQ(to_string(SubmitReason::commands), "commands");
  EXPECT_EQ(to_string(SubmitReason::bytes), "bytes");
  EXPECT_EQ(to_string(SubmitReason::age), "age");
  EXPECT_EQ(to_string(SubmitReason::end), "end");
  EXPECT_EQ(to_string(SubmitReason::gpu_time), "gpu_time");
}

std::optional<GpuInterval> of(std::chrono::nanoseconds time) {
  return GpuInterval{5ns, 5ns + time};
}

TEST(SubmitPolicy, GpuTimeIsEnoughAtTheBudget) {
  SubmitPolicy policy({.gpu_time_budget = 1ms});
  // Nothing is known yet.
  EXPECT_TRUE(policy.add(100, 1000));
  EXPECT_EQ(policy.submitted(), SubmitReason::gpu_time);
  EXPECT_EQ(policy.submission(), 1U);
  policy.measured(1, of(600us));
  // So that the GPU is busy.
  policy.add(100, 1000);
  policy.submitted();
  EXPECT_FALSE(policy.add(50, 500));
  EXPECT_TRUE(policy.fits(50, 1000));
  EXPECT_FALSE(policy.fits(50, 1500));
  EXPECT_FALSE(policy.fits(50, 500, 1));
  EXPECT_FALSE(policy.enough());
  EXPECT_TRUE(policy.add(50, 1000));
  EXPECT_EQ(policy.submitted(), SubmitReason::gpu_time);
  EXPECT_EQ(policy.statistics().by_gpu_time, 3U);
  EXPECT_EQ(policy.statistics().by_end, 0U);
  EXPECT_EQ(policy.submission(), 3U);
}

TEST(SubmitPolicy, ABudgetLeavesTheOtherLimitsAsTheyAre) {
  SubmitPolicy policy({.max_commands = 20, .gpu_time_budget = 1ms});
  policy.add(10);
  policy.submitted();
  policy.measured(1, of(10us));
  policy.add(10);
  policy.submitted();
  EXPECT_FALSE(policy.add(19));
  EXPECT_TRUE(policy.add());
  EXPECT_EQ(policy.submitted(), SubmitReason::commands);
}

TEST(SubmitPolicy, AnotherLimitDoesNotEndTheStep) {
  SubmitPolicy policy({.max_age = 1ms, .gpu_time_budget = 2ms});
  policy.add(1000);
  policy.submitted();
  policy.measured(1, of(1ms));
  for (int i = 0; i < 10; ++i) {
    policy.add(10);
    policy.due(TimePoint(1ms));
    EXPECT_TRUE(policy.due(TimePoint(2ms)));
    EXPECT_EQ(policy.submitted(), SubmitReason::age);
    policy.measured(policy.submission(), std::nullopt);
  }
  // After 100 us it may be longer than the 20 us of a step that begins.
  EXPECT_FALSE(policy.add(50));
  EXPECT_TRUE(policy.add(10));
}

TEST(SubmitPolicy, WithoutABudgetGpuTimesChangeNothing) {
  SubmitPolicy policy({.max_commands = 100});
  policy.add();
  EXPECT_TRUE(policy.fits(1'000'000, 1'000'000));
  policy.submitted();
  policy.measured(1, of(10s));
  EXPECT_FALSE(policy.add());
  EXPECT_EQ(policy.oversized(), std::nullopt);
}

TEST(SubmitPolicy, IntervalsThatCannotBeTrueTellNothing) {
  constexpr auto least = std::chrono::nanoseconds::min();
  constexpr auto most = std::chrono::nanoseconds::max();
  for (const std::optional<GpuInterval>& interval :
       {std::optional<GpuInterval>{}, std::optional(GpuInterval{5ns, 5ns}),
        std::optional(GpuInterval{6ns, 5ns}), std::optional(GpuInterval{least, most}),
        std::optional(GpuInterval{most, least})}) {
    SubmitPolicy policy({.gpu_time_budget = 1ms});
    policy.add();
    policy.submitted();
    policy.measured(1, interval);
    // Still one command a submission, as before any time is known.
    EXPECT_TRUE(policy.add());
    policy.submitted();
    policy.measured(2, of(1us));
    EXPECT_FALSE(policy.add());
  }
}

TEST(SubmitPolicy, NamesTheCommandThatIsLongerThanTheBudget) {
  SubmitPolicy policy({.gpu_time_budget = 1ms});
  policy.add(1, 1000, 0, "norm");
  policy.submitted();
  policy.measured(1, of(1us));
  EXPECT_EQ(policy.oversized(), std::nullopt);
  EXPECT_TRUE(policy.add(1, 2'000'000, 0, "logits"));
  ASSERT_TRUE(policy.oversized());
  EXPECT_STREQ(policy.oversized()->label, "logits");
  EXPECT_EQ(policy.oversized()->command, 1U);
  EXPECT_EQ(policy.oversized()->predicted_ns, 2'000'000);
  policy.submitted();
  policy.measured(2, of(900us));
  EXPECT_EQ(policy.oversized(), std::nullopt);
}

TEST(SubmitPolicy, WhatIsDiscardedIsNotMeasured) {
  SubmitPolicy policy({.gpu_time_budget = 1ms});
  policy.add(1000);
  policy.discarded();
  EXPECT_TRUE(policy.add());
  policy.submitted();
  policy.measured(1, of(1us));
  EXPECT_FALSE(policy.add());
  EXPECT_FALSE(policy.fits(1000));
}

TEST(SubmitPolicy, ARestartBeginsAStep) {
  SubmitPolicy policy({.gpu_time_budget = 1ms});
  policy.add(1000);
  policy.submitted();
  policy.measured(1, of(1ms));
  const auto fill = [&policy] {
    std::uint64_t commands = 1;
    while (!policy.add()) ++commands;
    policy.submitted();
    policy.measured(policy.submission(), std::nullopt);
    return commands;
  };
  // Each is as long as half of what the step had so far lets it be: it grows.
  const std::uint64_t first = fill();
  std::uint64_t latest = first;
  for (int i = 0; i < 20; ++i) latest = fill();
  EXPECT_GT(latest, 5 * first);
  // The next step is expected to be as long, and its end to come nearer.
  policy.restart_ramp();
  const std::uint64_t second = fill();
  EXPECT_LT(fill(), second);
}

TEST(SubmitPolicy, CutsALongListIntoSubmissionsOfARing) {
  CommandBufferRing ring(simulated::make_gpu(), {.ring_size = 2});
  SubmitPolicy policy({.max_commands = 8, .ramp = 2});
  std::vector<std::chrono::nanoseconds> gpu_times;
  std::vector<Ticket> tickets;
  std::optional<Lease> lease;
  constexpr int commands = 30;
  std::chrono::nanoseconds recorded{0};
  const auto submit = [&] {
    simulated::record(*lease, {.execute = recorded});
    tickets.push_back(std::move(*lease).submit());
    lease.reset();
    recorded = 0ns;
    policy.submitted();
  };
  for (int i = 0; i < commands; ++i) {
    if (!lease) lease = ring.acquire();
    recorded += 1us;
    if (policy.add()) submit();
  }
  if (lease) submit();
  ring.drain();
  gpu_times.reserve(tickets.size());
  for (const Ticket& ticket : tickets) {
    const auto interval = ticket.gpu_interval().value();
    gpu_times.push_back(interval.end - interval.start);
  }
  EXPECT_THAT(gpu_times, ElementsAre(2us, 4us, 8us, 8us, 8us));
  EXPECT_EQ(ring.statistics().submissions, policy.statistics().submissions);
  EXPECT_EQ(policy.statistics().total_commands, static_cast<std::uint64_t>(commands));
}

}  // namespace
}  // namespace cbr
