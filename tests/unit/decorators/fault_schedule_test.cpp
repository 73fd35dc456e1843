#include "backends/decorators/fault_schedule.h"

#include <limits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cbr/errors.h>

#include "backends/fault_name.h"

namespace cbr::detail {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<std::uint64_t> struck(FaultSchedule& schedule, Fault fault, std::uint64_t calls) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t call = 1; call <= calls; ++call) {
    if (schedule.strikes(fault, call)) numbers.push_back(call);
  }
  return numbers;
}

TEST(FaultSchedule, AnEmptyPlanStrikesNothing) {
  FaultSchedule schedule({});
  EXPECT_TRUE(struck(schedule, Fault::fail_submit, 100).empty());
}

TEST(FaultSchedule, AProbabilityStrikesThatShareOfTheCalls) {
  FaultSchedule schedule({.submit = 0.25});
  EXPECT_NEAR(static_cast<double>(struck(schedule, Fault::fail_submit, 10'000).size()), 2500, 200);
  EXPECT_TRUE(struck(schedule, Fault::fail_begin, 100).empty());
  FaultSchedule always({.begin = 1});
  EXPECT_EQ(struck(always, Fault::fail_begin, 100).size(), 100U);
}

TEST(FaultSchedule, EachProbabilityIsOfItsOwnFault) {
  using Member = double FaultPlan::*;
  constexpr std::pair<Fault, Member> all[] = {{Fault::fail_begin, &FaultPlan::begin},
                                              {Fault::fail_submit, &FaultPlan::submit},
                                              {Fault::fail_execution, &FaultPlan::execution},
                                              {Fault::hang, &FaultPlan::hang},
                                              {Fault::lose_device, &FaultPlan::device_loss},
                                              {Fault::fail_wait, &FaultPlan::wait},
                                              {Fault::fail_completed, &FaultPlan::completed},
                                              {Fault::fail_finish, &FaultPlan::finish},
                                              {Fault::fail_wake, &FaultPlan::wake}};
  for (const auto& [chosen, probability] : all) {
    FaultPlan plan;
    plan.*probability = 1;
    FaultSchedule schedule(plan);
    EXPECT_FALSE(schedule.strikes(Fault::none, 1));
    for (const auto& [fault, other] : all) {
      EXPECT_EQ(schedule.strikes(fault, 1), fault == chosen) << fault_name(fault);
      EXPECT_EQ(schedule.injected(fault), fault == chosen ? 1U : 0U) << fault_name(fault);
    }
  }
}

TEST(FaultSchedule, TheSeedDecidesAndFaultsAreIndependent) {
  FaultSchedule one({.seed = 7, .submit = 0.5, .hang = 0.5});
  FaultSchedule same({.seed = 7, .submit = 0.5, .hang = 0.5});
  FaultSchedule other({.seed = 8, .submit = 0.5, .hang = 0.5});
  const auto calls = struck(one, Fault::fail_submit, 200);
  EXPECT_EQ(calls, struck(same, Fault::fail_submit, 200));
  EXPECT_NE(calls, struck(other, Fault::fail_submit, 200));
  EXPECT_NE(calls, struck(one, Fault::hang, 200));
}

TEST(FaultSchedule, TheScriptNamesCalls) {
  FaultSchedule schedule({.script = {{Fault::fail_submit, 3}, {Fault::hang, 2}}});
  EXPECT_EQ(struck(schedule, Fault::fail_submit, 10), (std::vector<std::uint64_t>{3}));
  EXPECT_EQ(struck(schedule, Fault::hang, 10), (std::vector<std::uint64_t>{2}));
  EXPECT_TRUE(struck(schedule, Fault::fail_begin, 10).empty());
}

TEST(FaultSchedule, WhatIsAskedForStrikesOnceEach) {
  FaultSchedule schedule({.script = {{Fault::fail_begin, 1}}});
  schedule.fail_next(Fault::fail_begin);
  schedule.fail_next(Fault::fail_begin);
  // The scripted call uses up none of them.
  EXPECT_EQ(struck(schedule, Fault::fail_begin, 10), (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(schedule.injected(Fault::fail_begin), 3U);
  schedule.withdraw(Fault::fail_begin);
  EXPECT_EQ(schedule.injected(Fault::fail_begin), 2U);
}

TEST(FaultSchedule, ValuesOutOfRangeAreNamed) {
  const auto refuses = [](const FaultPlan& plan, const char* name, const char* value) {
    EXPECT_THAT([&] { FaultSchedule schedule(plan); },
                ThrowsMessage<InvalidOption>(
                    AllOf(HasSubstr(name), HasSubstr(value), HasSubstr("0 to 1"))));
  };
  refuses({.begin = 1.5}, "begin", "1.5");
  refuses({.submit = -0.25}, "submit", "-0.25");
  refuses({.execution = 2}, "execution", "2");
  refuses({.hang = 2}, "hang", "2");
  refuses({.wait = 2}, "wait", "2");
  refuses({.completed = -1}, "completed", "-1");
  refuses({.finish = 2}, "finish", "2");
  refuses({.wake = 2}, "wake", "2");
  refuses({.device_loss = std::numeric_limits<double>::quiet_NaN()}, "device_loss", "nan");
  EXPECT_THAT(
      [] {
        FaultSchedule schedule({.script = {{Fault::hang, 0}}});
      },
      ThrowsMessage<InvalidOption>(AllOf(HasSubstr("hang"), HasSubstr("call 0"))));
}

}  // namespace
}  // namespace cbr::detail
