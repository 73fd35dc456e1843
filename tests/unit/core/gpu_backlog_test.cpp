#include "core/gpu_backlog.h"

#include <chrono>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;

TimePoint at(std::chrono::nanoseconds time) {
  return TimePoint(time);
}

/// Six submissions of 50 µs each, five of which have ended by 300 µs.
GpuBacklog busy() {
  GpuBacklog backlog;
  backlog.sent(Serial(6), at(0us));
  for (std::uint64_t i = 1; i <= 5; ++i) backlog.ended(Serial(i), at(50us + 50us * i));
  return backlog;
}

TEST(GpuBacklog, KnowsNothingBeforeItHasSeenTheGpuAtWorkForAWhile) {
  GpuBacklog backlog;
  EXPECT_EQ(backlog.sent(Serial(6), at(0us)), 6U);
  for (std::uint64_t i = 1; i <= 4; ++i) {
    EXPECT_FALSE(backlog.busy_until()) << i;
    backlog.ended(Serial(i), at(50us + 50us * i));
  }
  EXPECT_FALSE(backlog.busy_until());
  backlog.ended(Serial(5), at(300us));
  EXPECT_EQ(backlog.busy_until(), at(350us));
}

TEST(GpuBacklog, WhatIsSentCountsFromTheEndOfWhatIsThere) {
  GpuBacklog backlog = busy();
  EXPECT_EQ(backlog.sent(Serial(10), at(310us)), 4U);
  EXPECT_EQ(backlog.busy_until(), at(550us));
  // All has ended, and the GPU was idle.
  backlog.ended(Serial(10), at(1000us));
  EXPECT_FALSE(backlog.busy_until());
  backlog.sent(Serial(11), at(2000us));
  EXPECT_EQ(backlog.busy_until(), at(2050us));
}

TEST(GpuBacklog, APauseIsNoWork) {
  GpuBacklog backlog = busy();
  backlog.ended(Serial(6), at(350us));
  // Sent after the last look: when it began is not known. Nor is it where nothing is left.
  backlog.sent(Serial(8), at(10ms));
  for (std::uint64_t i = 0; i < 8; ++i) {
    backlog.ended(Serial(7 + 2 * i), at(20ms + 20ms * i));
    backlog.ended(Serial(8 + 2 * i), at(30ms + 20ms * i));
    backlog.sent(Serial(10 + 2 * i), at(35ms + 20ms * i));
  }
  EXPECT_EQ(backlog.busy_until(), at(175ms + 2 * 50us));
}

TEST(GpuBacklog, ErrsOnTheShortSide) {
  GpuBacklog backlog;
  backlog.sent(Serial(100), at(0us));
  // Every third is quick, so that is what counts; a single one that is quicker is not.
  TimePoint now = at(0us);
  for (std::uint64_t serial = 1; serial <= 60; ++serial) {
    now += serial % 3 == 0 ? 20us : 400us;
    if (serial == 50) now -= 15us;
    backlog.ended(Serial(serial), now);
  }
  EXPECT_EQ(backlog.busy_until(), now + 40 * 20us);
}

TEST(GpuBacklog, LongSubmissionsAreNoneOfItsBusiness) {
  GpuBacklog backlog;
  backlog.sent(Serial(100), at(0us));
  for (std::uint64_t i = 1; i <= 20; ++i) backlog.ended(Serial(i), at(1ms * i));
  EXPECT_FALSE(backlog.busy_until());
  for (std::uint64_t i = 21; i <= 40; ++i) backlog.ended(Serial(i), at(20ms + 50us * (i - 20)));
  EXPECT_EQ(backlog.busy_until(), at(21ms + 60 * 50us));
}

TEST(GpuBacklog, WhatWasToldAlreadyChangesNothing) {
  GpuBacklog backlog = busy();
  backlog.ended(Serial(5), at(390us));
  backlog.ended(Serial(1), at(390us));
  EXPECT_EQ(backlog.busy_until(), at(350us));
}

TEST(GpuBacklog, ATimeThatDoesNotFitItsSerialMeasuresNothing) {
  GpuBacklog backlog = busy();
  backlog.sent(Serial(20), at(310us));
  // As another thread reads it while an end is being noted.
  for (std::uint64_t i = 6; i <= 12; ++i) backlog.ended(Serial(i), at(300us));
  EXPECT_EQ(backlog.busy_until(), at(300us + 8 * 50us));
}

TEST(GpuBacklog, SeveralThatEndTogetherShareTheTime) {
  GpuBacklog backlog;
  backlog.sent(Serial(100), at(0us));
  for (std::uint64_t i = 1; i <= 5; ++i) backlog.ended(Serial(4 * i), at(200us * i));
  EXPECT_EQ(backlog.busy_until(), at(1000us + 80 * 50us));
}

TEST(SubmitPace, IsThatOfTheRunWhateverThePauses) {
  SubmitPace pace;
  EXPECT_EQ(pace.expected(), 0ns);
  for (int i = 0; i < 50; ++i) pace.came(at(20us * i));
  EXPECT_GT(pace.expected(), 19us);
  EXPECT_LE(pace.expected(), 20us);
  // The first after a pause: the next may come as soon as usual.
  pace.came(at(980us + 80us));
  EXPECT_LT(pace.expected(), 30us);
}

}  // namespace
}  // namespace cbr::detail
