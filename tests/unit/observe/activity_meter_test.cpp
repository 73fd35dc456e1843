#include "observe/activity_meter.h"

#include <gtest/gtest.h>

namespace cbr::observe {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

class Metered : public testing::Test {
 protected:
  /// Work from `start` to `end`, by both clocks, submitted in time.
  void run(nanoseconds start, nanoseconds end, bool waited = false) {
    SubmissionTimes times;
    times.waited = waited;
    meter_.ended({GpuInterval{start, end}, end, nullptr, ClockOffset{}}, times);
  }
  [[nodiscard]] const GpuActivity& activity() const { return meter_.activity(); }
  ActivityMeter meter_;
};

TEST_F(Metered, BusyAndIdleMakeUpTheWhole) {
  run(10us, 30us);
  EXPECT_EQ(activity().busy, 20us);
  EXPECT_EQ(activity().idle, 0us);
  EXPECT_EQ(activity().busy_fraction(), 1.0);
  run(35us, 50us);
  run(50us, 60us);
  EXPECT_EQ(activity().busy, 45us);
  EXPECT_EQ(activity().idle, 5us);
  EXPECT_EQ(activity().idle_by_cause[GapCause::device], 5us);
  EXPECT_EQ(activity().gaps, 1U);
  EXPECT_EQ(activity().gap_histogram[GapHistogram::index_of(5us)], 1U);
  EXPECT_EQ(activity().submissions, 3U);
  EXPECT_DOUBLE_EQ(activity().busy_fraction(), 0.9);
}

TEST_F(Metered, WorkThatOverlapsCountsOnce) {
  run(10us, 50us);
  run(20us, 30us);
  run(40us, 60us);
  EXPECT_EQ(activity().busy, 50us);
  EXPECT_EQ(activity().idle, 0us);
  run(70us, 80us);
  EXPECT_EQ(activity().idle, 10us) << "from the latest end";
}

TEST_F(Metered, WhatIsNotKnownIsNoGap) {
  run(10us, 20us);
  meter_.ended({}, {});
  run(100us, 110us);
  EXPECT_EQ(activity().busy, 20us);
  EXPECT_EQ(activity().idle, 0us);
  EXPECT_EQ(activity().submissions, 2U);
}

TEST_F(Metered, TellsWhichGapsCameAfterAWaitForASlot) {
  run(10us, 20us);
  run(25us, 30us, true);
  run(37us, 40us, false);
  EXPECT_EQ(activity().idle, 12us);
  EXPECT_EQ(activity().idle_after_wait.total(), 5us);
  EXPECT_EQ(activity().idle_after_wait[GapCause::device], 5us);
}

TEST_F(Metered, SumsUpWhatTheHostDid) {
  SubmissionTimes times;
  times.acquire_end = TimePoint(5us);
  times.submit_begin = TimePoint(15us);
  times.submit_end = TimePoint(18us);
  meter_.ended({GpuInterval{20us, 30us}, 30us, nullptr, ClockOffset{}}, times);
  meter_.ended({GpuInterval{30us, 40us}, 40us, nullptr, ClockOffset{}}, times);
  EXPECT_EQ(activity().encode, 20us);
  EXPECT_EQ(activity().submit, 6us);
}

TEST_F(Metered, AResetCutsWhatGoesOn) {
  run(10us, 20us);
  meter_.reset(TimePoint(25us));
  EXPECT_EQ(activity(), GpuActivity());
  run(40us, 50us);
  EXPECT_EQ(activity().idle, 15us) << "of the gap, what came after";
  EXPECT_EQ(activity().busy, 10us);
  // In the middle of work.
  meter_.reset(TimePoint(55us));
  run(52us, 60us);
  EXPECT_EQ(activity().idle, 0us);
  EXPECT_EQ(activity().busy, 5us);
  // Before work that had ended by then, but was noticed later.
  meter_.reset(TimePoint(100us));
  run(70us, 80us);
  EXPECT_EQ(activity().idle, 0us);
  EXPECT_EQ(activity().busy, 0us);
  run(110us, 120us);
  EXPECT_EQ(activity().idle, 10us);
  EXPECT_EQ(activity().busy, 10us);
}

TEST_F(Metered, WithoutTheHostsClockAResetLeavesOutTheGapItFallsInto) {
  run(10us, 20us);
  meter_.reset(TimePoint(25us));
  meter_.ended({GpuInterval{40us, 50us}, 50us, nullptr, std::nullopt}, {});
  EXPECT_EQ(activity().idle, 0us);
  EXPECT_EQ(activity().busy, 10us);
  meter_.ended({GpuInterval{60us, 65us}, 65us, nullptr, std::nullopt}, {});
  EXPECT_EQ(activity().idle_by_cause[GapCause::unknown], 10us);
}

TEST_F(Metered, CountsWhatWasOfUseAtOneTimeAndNotInTheTimeOfALongLease) {
  const auto lease = [&](nanoseconds from, nanoseconds start, nanoseconds end) {
    SubmissionTimes times;
    times.acquire_end = TimePoint(from);
    times.gpu = HostInterval{TimePoint(start), TimePoint(end), 0ns};
    meter_.ended({GpuInterval{start, end}, end, nullptr, ClockOffset{}}, times);
  };
  // Two slots: one lease is held while the other slot is used again and again.
  for (int i = 1; i <= 10; ++i) lease(i * 10us, i * 10us + 2us, i * 10us + 5us);
  EXPECT_EQ(activity().peak_in_use, 1U);
  lease(5us, 200us, 210us);
  EXPECT_EQ(activity().peak_in_use, 2U);
}

TEST_F(Metered, CountsWhatALookDidNotSeeEnd) {
  const auto step = [&](nanoseconds asked, nanoseconds end, nanoseconds noticed) {
    SubmissionTimes times;
    times.acquire_begin = times.acquire_end = TimePoint(asked);
    times.submit_begin = times.submit_end = TimePoint(asked + 5us);
    times.gpu = HostInterval{TimePoint(end - 5us), TimePoint(end), 0ns};
    times.noticed = TimePoint(noticed);
    meter_.ended({GpuInterval{end - 5us, end}, end, nullptr, ClockOffset{}}, times);
  };
  // Each is done before the next is asked for. Those that are noticed with the next look are no
  // reason for more slots: nobody wanted them before.
  step(0us, 20us, 300us);
  step(100us, 120us, 300us);
  step(200us, 220us, 300us);
  step(300us, 320us, 600us);
  EXPECT_EQ(activity().peak_in_use, 1U);
  // These had ended by the look at 600 µs, which saw only the end of the one before.
  step(400us, 420us, 700us);
  step(500us, 520us, 700us);
  EXPECT_EQ(activity().peak_in_use, 2U);
  step(600us, 620us, 700us);
  EXPECT_EQ(activity().peak_in_use, 3U);
}

TEST_F(Metered, WhatIsPassedOnInTurnsIsOneLook) {
  const auto step = [&](nanoseconds asked, nanoseconds noticed) {
    SubmissionTimes times;
    times.acquire_begin = times.acquire_end = TimePoint(asked);
    times.submit_end = TimePoint(asked + 5us);
    const nanoseconds end = asked + 20us;
    times.gpu = HostInterval{TimePoint(end - 5us), TimePoint(end), 0ns};
    times.noticed = TimePoint(noticed);
    meter_.ended({GpuInterval{end - 5us, end}, end, nullptr, ClockOffset{}}, times);
  };
  for (int i = 0; i < 8; ++i) step(i * 100us, i < 4 ? 800us : 803us);
  step(800us, 1600us);
  EXPECT_EQ(activity().peak_in_use, 1U);
}

TEST_F(Metered, TellsWhatTheGpuHadWhenAGapBegan) {
  const auto run_submitted = [&](nanoseconds submitted, nanoseconds start,
                                 SubmissionTimes times = {}, nanoseconds deviation = 0ns) {
    times.submit_begin = times.submit_end = TimePoint(submitted);
    const ClockOffset clock{0ns, deviation};
    meter_.ended({GpuInterval{start, start + 10us}, start + 10us, nullptr, clock}, times);
  };
  run_submitted(0us, 10us);
  run_submitted(20us, 25us);
  EXPECT_EQ(activity().queued_gaps, 1U) << "in time";
  EXPECT_EQ(activity().queued_idle, 5us);
  run_submitted(36us, 40us);
  // Perhaps.
  run_submitted(48us, 57us, {}, 4us);
  SubmissionTimes times;
  times.has_foreign_waits = true;
  run_submitted(50us, 80us, times);
  times.has_foreign_waits = false;
  times.dependency_end = TimePoint(95us);
  run_submitted(50us, 100us, times);
  EXPECT_EQ(activity().queued_gaps, 1U);
  times.dependency_end = TimePoint(105us);
  run_submitted(50us, 120us, times);
  EXPECT_EQ(activity().queued_gaps, 2U);
  EXPECT_EQ(activity().queued_idle, 15us);
}

TEST_F(Metered, SumsUpHowLateThreadsWere) {
  SubmissionTimes times;
  times.slot_free = TimePoint(5us);
  times.acquire_end = TimePoint(12us);
  meter_.ended({GpuInterval{20us, 30us}, 30us, nullptr, ClockOffset{}}, times);
  EXPECT_EQ(activity().late, 0us) << "it did not wait";
  times.waited = true;
  meter_.ended({GpuInterval{30us, 40us}, 40us, nullptr, ClockOffset{}}, times);
  EXPECT_EQ(activity().late, 7us);
}

}  // namespace
}  // namespace cbr::observe
