#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <random>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/submit_budget.h>

extern "C" std::uint64_t cbr_submit_budget_alone(std::uint64_t commands, std::int64_t command_ns);

namespace cbr {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Le;

constexpr std::int64_t budget_ns = 2'000'000;
constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

/// Says how long work takes, for a budget to learn from.
class Trial {
 public:
  using Sizes = std::vector<std::uint64_t>;

  explicit Trial(const SubmitBudgetOptions& options = {}) : budget(options) {}

  /// Records one command that takes so long, and submits when the budget says so.
  void record(double ns, const SubmitWork& work = {}, const char* label = nullptr) {
    if (!budget.fits(work)) submit();
    recorded_ += ns;
    ++commands_;
    if (budget.add(work, label)) submit();
  }

  void submit() {
    gpu_times.push_back(static_cast<std::int64_t>(std::llround(recorded_)));
    sizes.push_back(commands_);
    if (commands_ > 1) longest_of_several = std::max(longest_of_several, recorded_);
    recorded_ = 0;
    commands_ = 0;
    in_flight_.push_back(budget.submitted());
    measure_but(late);
  }

  /// Tells the times of all submissions but the latest `count`.
  void measure_but(std::size_t count) {
    while (in_flight_.size() > count) {
      budget.measured(in_flight_.front(), gpu_times[in_flight_.front() - 1]);
      in_flight_.pop_front();
    }
  }

  /// Lets it learn what a command costs, up to full submissions.
  void settle(double ns) {
    while (gpu_times.empty() || gpu_times.back() < budget_ns / 10 * 9) record(ns);
    submit_rest();
  }

  void submit_rest() {
    if (commands_ > 0) submit();
  }

  SubmitBudget budget;
  /// How many submissions later the times come.
  std::size_t late = 0;
  std::vector<std::int64_t> gpu_times;
  Sizes sizes;
  double longest_of_several = 0;

 private:
  double recorded_ = 0;
  std::uint64_t commands_ = 0;
  std::deque<std::uint64_t> in_flight_;
};

/// A budget that has measured one submission of this work, and has nothing in flight.
SubmitBudget knowing(const SubmitWork& work, std::int64_t ns) {
  SubmitBudget budget;
  budget.add(work);
  budget.measured(budget.submitted(), ns);
  return budget;
}

TEST(SubmitBudget, ASubmissionHasOneCommandUntilATimeIsKnown) {
  SubmitBudget budget;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(budget.fits({}));
    EXPECT_TRUE(budget.add());
    EXPECT_FALSE(budget.fits({}));
    budget.submitted();
  }
  EXPECT_EQ(budget.predicted_ns({}), -1);
  budget.measured(1, 1000);
  EXPECT_EQ(budget.predicted_ns({}), 1000);
  EXPECT_EQ(budget.predicted_ns({.commands = 7}), 7000);
}

TEST(SubmitBudget, WithoutTimesASubmissionHasAFewCommands) {
  SubmitBudget budget({.unmeasured_commands = 5});
  std::vector<int> sizes;
  for (int submission = 0; submission < 10; ++submission) {
    int commands = 0;
    do {
      ++commands;
    } while (!budget.add());
    sizes.push_back(commands);
    budget.ended(budget.submitted());
  }
  EXPECT_THAT(sizes, ElementsAre(1, 1, 1, 1, 1, 1, 1, 1, 5, 5));
}

TEST(SubmitBudget, SubmissionsGrowToTheBudgetAndNotBeyond) {
  for (const double ns : {900.0, 3000.0, 170'000.0, 900'000.0, 1'900'000.0}) {
    Trial trial;
    trial.late = 2;
    for (int i = 0; i < 100'000; ++i) trial.record(ns);
    EXPECT_THAT(trial.gpu_times, Each(Le(budget_ns))) << ns;
    EXPECT_GE(trial.gpu_times.back(), budget_ns / 2) << ns;
    EXPECT_GT(static_cast<double>(trial.gpu_times.back()) + 1.01 * ns, budget_ns) << ns;
  }
}

TEST(SubmitBudget, ASubmissionHasAtMostTwiceTheCommandsOfTheLargestMeasured) {
  Trial trial;
  trial.late = 2;
  for (int i = 0; i < 1000; ++i) trial.record(1.0);
  for (std::size_t i = 3; i < trial.sizes.size(); ++i) {
    EXPECT_LE(trial.sizes[i], 2 * trial.sizes[i - 3]);
  }
  EXPECT_GT(trial.sizes.back(), 100U);
}

TEST(SubmitBudget, AnnouncedWorkMayGrowAtOnceWithoutALongSubmission) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 300; ++round) {
    Trial trial;
    trial.late = random() % 4;
    // What nobody tells the budget.
    const double command_ns = static_cast<double>(random() % 5000);
    const double byte_ns = static_cast<double>(random() % 1000 + 1) / 1000;
    const double flop_ns = static_cast<double>(random() % 3) / 1000;
    std::uint64_t bytes = 1000;
    std::uint64_t flops = 1000;
    for (int i = 0; i < 3000; ++i) {
      if (random() % 200 == 0) bytes = 1 + random() % 1'000'000;
      if (random() % 200 == 0) flops = 1 + random() % 1'000'000'000;
      const double ns =
          command_ns + byte_ns * static_cast<double>(bytes) + flop_ns * static_cast<double>(flops);
      trial.record(ns, {1, bytes, flops});
    }
    ASSERT_LE(trial.longest_of_several, budget_ns * 1.0001) << round;
  }
}

TEST(SubmitBudget, CostsMayGrowUnseenByATwentiethASubmission) {
  std::mt19937_64 random(2);
  const auto part = [&random] { return static_cast<double>(random() % 1001) / 1000; };
  for (int round = 0; round < 300; ++round) {
    Trial trial;
    double ns = 1000;
    double grown = 1;
    const double steady = 0.2 + 0.8 * part();
    // Times come one to three submissions late: the latest measured one, up to two that are in
    // flight and the one that is recorded may grow by 1.2 together.
    const double factor = std::pow(1.2, 0.25);
    std::size_t submission = 0;
    for (int i = 0; i < 400'000 && ns < 1e6; ++i) {
      if (submission != trial.sizes.size()) {
        submission = trial.sizes.size();
        trial.measure_but(random() % 3);
        grown = 1;
      }
      // Some grow with each command, some in jumps; some all the time, some now and then.
      const double step = random() % 10 == 0 ? factor : 1 + 0.002 * part();
      if (part() < steady && grown * step <= factor) {
        grown *= step;
        ns *= step;
      }
      trial.late = 2;
      trial.record(ns);
    }
    ASSERT_GE(ns, 1e6);
    ASSERT_LE(trial.longest_of_several, 1.2001 * budget_ns) << round;
  }
}

TEST(SubmitBudget, SteadyGrowthIsExpectedOnceItWasSeen) {
  Trial trial;
  trial.late = 2;
  trial.settle(500);
  // By half from submission to submission: three of them are submitted before that is known.
  double ns = 500;
  const std::size_t before = trial.sizes.size();
  while (trial.sizes.size() < before + 18) {
    const std::size_t submission = trial.sizes.size();
    if (submission == before + 6) trial.longest_of_several = 0;
    while (trial.sizes.size() == submission) trial.record(ns);
    ns *= 1.5;
  }
  EXPECT_LE(trial.longest_of_several, 1.2 * budget_ns);
  EXPECT_GT(trial.longest_of_several, 0.3 * budget_ns);
}

TEST(SubmitBudget, AJumpOfCostsIsAnsweredByTheNextSubmission) {
  Trial trial;
  trial.settle(1000);
  trial.longest_of_several = 0;
  const std::size_t before = trial.sizes.size();
  while (trial.sizes.size() < before + 4) trial.record(30'000);
  EXPECT_GT(trial.gpu_times[before], 20 * budget_ns);
  EXPECT_THAT(std::vector(trial.gpu_times.begin() + static_cast<std::ptrdiff_t>(before) + 1,
                          trial.gpu_times.end()),
              Each(Le(budget_ns)));
}

TEST(SubmitBudget, WhatIsMeasuredWhileRecordingCountsAtOnce) {
  SubmitBudget budget = knowing({.commands = 100}, 100'000);
  budget.add({.commands = 100});
  const std::uint64_t first = budget.submitted(false);
  EXPECT_FALSE(budget.add({.commands = 90}));
  budget.measured(first, 2'500'000);
  EXPECT_FALSE(budget.fits({}));
  EXPECT_TRUE(budget.add());
}

TEST(SubmitBudget, ASingleShortTimeMakesNoLongSubmission) {
  Trial trial;
  trial.settle(1000);
  for (int i = 0; i < 4000; ++i) trial.record(1000);
  trial.submit_rest();
  const std::int64_t before = trial.budget.predicted_ns({.commands = 1000});
  trial.budget.add({.commands = 1000});
  trial.budget.measured(trial.budget.submitted(), 1);
  EXPECT_NEAR(static_cast<double>(trial.budget.predicted_ns({.commands = 1000})),
              0.9 * static_cast<double>(before), 2);
}

TEST(SubmitBudget, CostsThatFallAreBelievedAfterSomeTimes) {
  Trial trial;
  trial.settle(100'000);
  for (int i = 0; i < 20'000; ++i) trial.record(1000);
  EXPECT_EQ(trial.budget.predicted_ns({}), 1000);
}

TEST(SubmitBudget, OneLongTimeIsForgottenSoon) {
  Trial trial;
  trial.settle(10'000);
  trial.budget.add({.commands = 100});
  trial.budget.measured(trial.budget.submitted(), 3'600'000'000'000);
  Trial::Sizes sizes;
  for (int submission = 0; submission < 50; ++submission) {
    std::uint64_t commands = 1;
    while (!trial.budget.add()) ++commands;
    const std::uint64_t number = trial.budget.submitted(false);
    trial.budget.measured(number, static_cast<std::int64_t>(commands) * 10'000);
    sizes.push_back(commands);
  }
  EXPECT_EQ(sizes.front(), 1U);
  EXPECT_GE(sizes.back(), 10U);
}

TEST(SubmitBudget, TimesThatCannotBeTrueTellNothing) {
  SubmitBudget budget = knowing({}, 1000);
  for (const std::int64_t ns :
       {std::int64_t{0}, std::int64_t{-5}, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max(), std::int64_t{3'600'000'000'001}}) {
    budget.add();
    const std::uint64_t number = budget.submitted();
    EXPECT_FALSE(budget.idle());
    budget.measured(number, ns);
    EXPECT_TRUE(budget.idle());
    EXPECT_EQ(budget.predicted_ns({}), 1000);
  }
}

TEST(SubmitBudget, NumbersThatAreNoneAndTimesToldTwiceTellNothing) {
  SubmitBudget budget = knowing({}, 1000);
  budget.add();
  const std::uint64_t number = budget.submitted();
  budget.measured(0, 5'000'000);
  budget.measured(number + 1, 5'000'000);
  budget.measured(most, 5'000'000);
  EXPECT_EQ(budget.predicted_ns({}), 1000);
  EXPECT_FALSE(budget.idle());
  budget.measured(number, 1000);
  budget.measured(number, 5'000'000);
  EXPECT_EQ(budget.predicted_ns({}), 1000);
}

TEST(SubmitBudget, TimesMayComeInAnyOrder) {
  SubmitBudget budget = knowing({}, 1000);
  budget.add();
  budget.add();
  const std::uint64_t first = budget.submitted();
  budget.add();
  const std::uint64_t second = budget.submitted();
  budget.measured(second, 4000);
  EXPECT_EQ(budget.predicted_ns({}), 4000);
  EXPECT_TRUE(budget.idle());
  // Costs have risen since then, for all that is known.
  budget.measured(first, 2000);
  EXPECT_EQ(budget.predicted_ns({}), 4000);
}

TEST(SubmitBudget, WhatEndedTooLongAgoIsForgotten) {
  SubmitBudget budget = knowing({}, 1000);
  budget.add();
  const std::uint64_t first = budget.submitted();
  for (int i = 0; i < 64; ++i) {
    budget.add();
    budget.submitted();
  }
  budget.measured(first, 5'000'000);
  EXPECT_EQ(budget.predicted_ns({}), 1000);
  budget.measured(first + 1, 5'000'000);
  EXPECT_EQ(budget.predicted_ns({}), 5'000'000);
}

TEST(SubmitBudget, UnlikePhasesAreAllRemembered) {
  SubmitBudget budget = knowing({100, 1'000'000, 0}, 1'000'000);
  // It is much cheaper than the first lets fear, and that is believed after some times.
  for (int i = 0; i < 8; ++i) {
    budget.add({1000, 1000, 0});
    budget.measured(budget.submitted(), 500'000);
    budget.add({100, 1'000'000, 0});
    budget.measured(budget.submitted(), 1'000'000);
  }
  // 10 us for 10 kB, and 0.5 us where there is 1 byte.
  EXPECT_EQ(budget.predicted_ns({1, 10'000, 0}), 10'000);
  EXPECT_EQ(budget.predicted_ns({2, 2, 0}), 1000);
  // Both together, in proportions that neither has, while the GPU has 1 ms to do.
  budget.add({100, 1'000'000, 0});
  budget.submitted(false);
  EXPECT_FALSE(budget.add({20, 200'000, 0}));
  EXPECT_FALSE(budget.add({900, 900, 0}));
  // 0.65 ms so far.
  EXPECT_TRUE(budget.fits({134, 1'340'000, 0}));
  EXPECT_FALSE(budget.fits({136, 1'360'000, 0}));
}

TEST(SubmitBudget, WorkOfANewKindGoesAlone) {
  SubmitBudget budget = knowing({1, 1000, 0}, 1000);
  budget.add({100, 1000, 0});
  budget.measured(budget.submitted(), 1000);
  EXPECT_FALSE(budget.add({1, 1000, 0}));
  EXPECT_EQ(budget.predicted_ns({1, 1000, 500}), -1);
  EXPECT_FALSE(budget.fits({1, 1000, 500}));
  budget.discarded();
  EXPECT_TRUE(budget.fits({1, 1000, 500}));
  EXPECT_TRUE(budget.add({1, 1000, 500}));
}

TEST(SubmitBudget, AnIdleGpuGetsLessThanABusyOne) {
  SubmitBudget budget = knowing({.commands = 1000}, 1'000'000);
  const auto fill = [&budget] {
    std::uint64_t commands = 1;
    while (!budget.add()) ++commands;
    return commands;
  };
  // Of a step that is taken to be half done: sqrt(2 x 10 us x 20 us).
  EXPECT_EQ(fill(), 20U);
  const std::uint64_t first = budget.submitted();
  // While that runs there are 20 us to record, and the limit is sqrt(2 x 10 us x (20 + 32) us).
  EXPECT_EQ(fill(), 33U);
  budget.submitted();
  EXPECT_EQ(fill(), 53U);
  budget.submitted();
  EXPECT_EQ(fill(), 106U);
  const std::uint64_t last = budget.submitted();
  budget.measured(first, 20'000);
  EXPECT_FALSE(budget.idle());
  budget.ended(last);
  EXPECT_TRUE(budget.idle());
  EXPECT_EQ(fill(), 76U);
}

TEST(SubmitBudget, ALearntStepEndsWithSmallSubmissions) {
  SubmitBudget budget = knowing({.commands = 1000}, 1'000'000);
  const auto step = [&budget] {
    std::vector<std::uint64_t> sizes;
    std::uint64_t pending = 0;
    for (int i = 0; i < 1000; ++i) {
      ++pending;
      if (!budget.add()) continue;
      budget.ended(budget.submitted());
      sizes.push_back(pending);
      pending = 0;
    }
    budget.ended(budget.submitted());
    sizes.push_back(pending);
    return sizes;
  };
  step();
  const auto sizes = step();
  EXPECT_EQ(sizes.front(), 142U);  // sqrt(2 x 10 us x 1000 us)
  EXPECT_TRUE(std::is_sorted(sizes.rbegin(), sizes.rend()));
  EXPECT_LE(sizes.back(), 25U);
}

TEST(SubmitBudget, OtherLimitsCutAStepWithoutEndingIt) {
  SubmitBudget budget = knowing({.commands = 1000}, 1'000'000);
  for (int i = 0; i < 10; ++i) {
    budget.add({.commands = 20});
    budget.ended(budget.submitted(false));
  }
  std::uint64_t commands = 1;
  while (!budget.add()) ++commands;
  EXPECT_EQ(commands, 75U);  // sqrt(2 x 10 us x (200 + 75) us), not of a step that begins
}

TEST(SubmitBudget, ACommandThatIsTooLongByItselfIsNamed) {
  SubmitBudget budget = knowing({1, 1000, 0}, 1000);
  EXPECT_EQ(budget.oversized_commands(), 0U);
  budget.add({1, 1000, 0}, "small");
  const SubmitWork work{1, 3'000'000, 0};
  EXPECT_FALSE(budget.fits(work));
  budget.submitted();
  EXPECT_TRUE(budget.add(work, "logits"));
  // Before it is submitted: after that the device may be lost.
  EXPECT_EQ(budget.oversized_commands(), 1U);
  EXPECT_STREQ(budget.oversized().label, "logits");
  EXPECT_EQ(budget.oversized().command, 2U);
  EXPECT_EQ(budget.oversized().predicted_ns, 3'000'000);
  EXPECT_EQ(budget.oversized().measured_ns, 0);
  budget.measured(budget.submitted(), 2'900'000);
  EXPECT_EQ(budget.oversized_commands(), 1U);
  EXPECT_EQ(budget.oversized().measured_ns, 2'900'000);
}

TEST(SubmitBudget, ACommandThatWasNotForeseenIsNamedByItsTime) {
  SubmitBudget budget;
  budget.add({}, "first");
  budget.measured(budget.submitted(), 2'000'000);
  EXPECT_EQ(budget.oversized_commands(), 0U);
  budget.add({}, "second");
  budget.measured(budget.submitted(), 2'000'001);
  EXPECT_EQ(budget.oversized_commands(), 1U);
  EXPECT_STREQ(budget.oversized().label, "second");
  EXPECT_EQ(budget.oversized().command, 1U);
  EXPECT_EQ(budget.oversized().predicted_ns, 0);
  // Of two together nobody knows which it is.
  SubmitBudget other = knowing({}, 1000);
  other.add();
  other.add();
  other.measured(other.submitted(), 9'000'000);
  EXPECT_EQ(other.oversized_commands(), 0U);
}

TEST(SubmitBudget, ANameIsTakenBackWhereTheTimeSaysOtherwise) {
  SubmitBudget budget = knowing({1, 1000, 0}, 1000);
  budget.add({1, 3'000'000, 0}, "copy");
  EXPECT_EQ(budget.oversized_commands(), 1U);
  budget.measured(budget.submitted(), 30'000);
  EXPECT_EQ(budget.oversized_commands(), 0U);
  EXPECT_EQ(budget.oversized().label, nullptr);
}

TEST(SubmitBudget, AnyAmountsAndOptionsAreSafe) {
  SubmitBudget budget({.budget_ns = std::numeric_limits<std::int64_t>::min(),
                       .submission_cost_ns = 0,
                       .unmeasured_commands = 0});
  std::mt19937_64 random(3);
  const std::uint64_t amounts[] = {0, 1, 1000, most - 1, most};
  const std::int64_t times[] = {-1, 1, 1000, 3'600'000'000'000,
                                std::numeric_limits<std::int64_t>::max()};
  for (int i = 0; i < 20'000; ++i) {
    const SubmitWork work{amounts[random() % 5], amounts[random() % 5], amounts[random() % 5]};
    (void)budget.fits(work);
    budget.add(work);
    if (random() % 3 != 0) continue;
    const std::uint64_t number = budget.submitted();
    budget.measured(number - random() % 4, times[random() % 5]);
    ASSERT_GE(budget.predicted_ns(work), -1);
  }
}

TEST(SubmitBudget, StandsAloneWithoutExceptionsAndRtti) {
  // Some thousand submissions if it learnt nothing, one if it forgot the budget.
  const std::uint64_t submissions = cbr_submit_budget_alone(100'000, 1000);
  EXPECT_GE(submissions, 51U);
  EXPECT_LE(submissions, 250U);
}

}  // namespace
}  // namespace cbr
