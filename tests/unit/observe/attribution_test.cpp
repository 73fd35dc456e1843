#include "observe/attribution.h"

#include <random>

#include <gtest/gtest.h>

namespace cbr::observe {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr ClockOffset exact{};

TimePoint at(nanoseconds time) {
  return TimePoint(time);
}

/// Asked for at 10 µs, had at 20 µs, submitted from 40 to 45 µs.
SubmissionTimes usual() {
  SubmissionTimes times;
  times.acquire_begin = at(10us);
  times.acquire_end = at(20us);
  times.submit_begin = at(40us);
  times.submit_end = at(45us);
  return times;
}

IdleByCause parts(std::initializer_list<std::pair<GapCause, nanoseconds>> list) {
  IdleByCause result;
  for (const auto& [cause, time] : list) result[cause] = time;
  return result;
}

TEST(Attribution, FollowsTheStoryOfASubmissionThatDidNotWait) {
  EXPECT_EQ(split_gap({4us, 50us}, usual(), exact), parts({{GapCause::application, 6us},
                                                           {GapCause::encode, 30us},
                                                           {GapCause::submit, 5us},
                                                           {GapCause::device, 5us}}));
}

TEST(Attribution, AWaitIsForASlotUntilOneIsFreeAndThenALateWakeUp) {
  SubmissionTimes times = usual();
  times.waited = true;
  times.slot_free = at(13us);
  EXPECT_EQ(split_gap({4us, 44us}, times, exact), parts({{GapCause::application, 6us},
                                                         {GapCause::slot_wait, 3us},
                                                         {GapCause::wake_up, 7us},
                                                         {GapCause::encode, 20us},
                                                         {GapCause::submit, 4us}}));
  // It was free already.
  times.slot_free = at(2us);
  EXPECT_EQ(split_gap({12us, 20us}, times, exact), parts({{GapCause::wake_up, 8us}}));
  // Nobody knows since when.
  times.slot_free = {};
  EXPECT_EQ(split_gap({12us, 20us}, times, exact), parts({{GapCause::slot_wait, 8us}}));
  // It says that it got free after it was had.
  times.slot_free = at(1s);
  EXPECT_EQ(split_gap({12us, 40us}, times, exact),
            parts({{GapCause::slot_wait, 8us}, {GapCause::encode, 20us}}));
}

TEST(Attribution, WhatWasQueuedInTimeIsTheDevices) {
  EXPECT_EQ(split_gap({60us, 70us}, usual(), exact), parts({{GapCause::device, 10us}}));
}

TEST(Attribution, ADependencyHoldsUpWhatIsQueued) {
  SubmissionTimes times = usual();
  times.dependency_end = at(64us);
  EXPECT_EQ(split_gap({60us, 70us}, times, exact),
            parts({{GapCause::dependency, 4us}, {GapCause::device, 6us}}));
  // It had ended before.
  times.dependency_end = at(30us);
  EXPECT_EQ(split_gap({60us, 70us}, times, exact), parts({{GapCause::device, 10us}}));
  // Semaphores of the program's own: nobody knows when they came.
  times.has_foreign_waits = true;
  EXPECT_EQ(split_gap({60us, 70us}, times, exact), parts({{GapCause::dependency, 10us}}));
}

TEST(Attribution, WhatIsHeldBackWaitsForItsTurnOrForOthers) {
  SubmissionTimes times = usual();
  times.held_from = at(25us);
  EXPECT_EQ(split_gap({20us, 40us}, times, exact), parts({{GapCause::encode, 20us}}));
  times.held_for_dependency = true;
  EXPECT_EQ(split_gap({20us, 40us}, times, exact),
            parts({{GapCause::encode, 5us}, {GapCause::dependency, 15us}}));
}

TEST(Attribution, WhatTheRingGatheredTheDriverHasNotGot) {
  SubmissionTimes times = usual();
  times.gathered_until = at(60us);
  EXPECT_EQ(split_gap({42us, 70us}, times, exact),
            parts({{GapCause::submit, 18us}, {GapCause::device, 10us}}));
}

TEST(Attribution, WorkThatBeginsBeforeItsSubmitReturnsEndsTheGapThere) {
  EXPECT_EQ(split_gap({30us, 42us}, usual(), exact),
            parts({{GapCause::encode, 10us}, {GapCause::submit, 2us}}));
}

TEST(Attribution, TheDevicesClockIsAnother) {
  // The host's clock reads 1 s more.
  SubmissionTimes times = usual();
  for (TimePoint* const moment :
       {&times.acquire_begin, &times.acquire_end, &times.submit_begin, &times.submit_end}) {
    *moment += 1s;
  }
  EXPECT_EQ(split_gap({4us, 50us}, times, ClockOffset{1s, 0ns}),
            split_gap({4us, 50us}, usual(), exact));
}

TEST(Attribution, WithoutAClockNobodyKnows) {
  EXPECT_EQ(split_gap({4us, 50us}, usual(), std::nullopt), parts({{GapCause::unknown, 46us}}));
}

TEST(Attribution, NothingIsFinerThanTheClock) {
  // Application 6, encode 30, submit 5, device 5.
  EXPECT_EQ(split_gap({4us, 50us}, usual(), ClockOffset{0ns, 5us}),
            split_gap({4us, 50us}, usual(), exact));
  EXPECT_EQ(split_gap({4us, 50us}, usual(), ClockOffset{0ns, 6us}),
            parts({{GapCause::application, 6us}, {GapCause::encode, 40us}}))
      << "submit goes to its longer neighbour, and the device after it";
  EXPECT_EQ(split_gap({4us, 50us}, usual(), ClockOffset{0ns, 46us}),
            parts({{GapCause::encode, 46us}}));
  EXPECT_EQ(split_gap({4us, 50us}, usual(), ClockOffset{0ns, 47us}),
            parts({{GapCause::unknown, 46us}}));
  // A part that is alone stays.
  EXPECT_EQ(split_gap({60us, 70us}, usual(), ClockOffset{0ns, 10us}),
            parts({{GapCause::device, 10us}}));
}

TEST(Attribution, AddsUpWhateverTheMomentsSay) {
  std::mt19937_64 random(7);
  const auto any = [&](std::int64_t most) {
    return nanoseconds(static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(most)));
  };
  for (int i = 0; i < 20'000; ++i) {
    SubmissionTimes times;
    for (TimePoint* const moment :
         {&times.acquire_begin, &times.slot_free, &times.acquire_end, &times.held_from,
          &times.submit_begin, &times.submit_end, &times.dependency_end}) {
      if (random() % 4 != 0) *moment = at(any(100'000));
    }
    times.waited = random() % 2 == 0;
    times.held_for_dependency = random() % 2 == 0;
    const nanoseconds begin = any(100'000);
    const Gap gap{begin, begin + any(50'000)};
    const ClockOffset clock{any(1000) - 500ns, any(20'000)};
    const IdleByCause split = split_gap(gap, times, clock);
    ASSERT_EQ(split.total(), gap.length());
    int short_parts = 0;
    int all_parts = 0;
    for (std::size_t cause = 0; cause < gap_cause_count; ++cause) {
      const nanoseconds part = split[static_cast<GapCause>(cause)];
      ASSERT_GE(part, 0ns);
      if (part > 0ns) ++all_parts;
      if (part > 0ns && part < clock.deviation) ++short_parts;
    }
    if (all_parts > 1) {
      ASSERT_EQ(short_parts, 0);
    }
  }
}

TEST(GapCauses, HaveNames) {
  for (std::size_t i = 0; i < gap_cause_count; ++i) {
    const auto cause = static_cast<GapCause>(i);
    EXPECT_EQ(parse_gap_cause(to_string(cause)), cause);
  }
  EXPECT_EQ(to_string(GapCause::slot_wait), "slot_wait");
  EXPECT_EQ(parse_gap_cause("transfer"), std::nullopt);
}

TEST(GapHistogram, HasClassesThatDouble) {
  EXPECT_EQ(GapHistogram::index_of(0ns), 0U);
  EXPECT_EQ(GapHistogram::index_of(999ns), 0U);
  EXPECT_EQ(GapHistogram::index_of(1us), 1U);
  EXPECT_EQ(GapHistogram::index_of(1999ns), 1U);
  EXPECT_EQ(GapHistogram::index_of(2us), 2U);
  EXPECT_EQ(GapHistogram::index_of(GapHistogram::bound(GapHistogram::size - 1)),
            GapHistogram::size - 1);
  EXPECT_EQ(GapHistogram::index_of(24h), GapHistogram::size - 1);
  GapHistogram gaps;
  gaps.add(5us);
  gaps.add(5us, 3);
  EXPECT_EQ(gaps[GapHistogram::index_of(5us)], 4U);
  EXPECT_EQ(GapHistogram::bound(11), 1024us);
}

}  // namespace
}  // namespace cbr::observe
