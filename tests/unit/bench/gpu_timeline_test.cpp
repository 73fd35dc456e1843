#include "bench/gpu_timeline.h"

#include <gmock/gmock.h>

namespace cbr::bench {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(GpuTimeline, OfNothingIsEmpty) {
  const GpuTimeline timeline = build_gpu_timeline({});
  EXPECT_EQ(timeline.busy, 0ns);
  EXPECT_THAT(timeline.idle_gaps, IsEmpty());
}

TEST(GpuTimeline, OneIntervalHasNoGap) {
  const GpuTimeline timeline = build_gpu_timeline({{10ns, 25ns}});
  EXPECT_EQ(timeline.busy, 15ns);
  EXPECT_THAT(timeline.idle_gaps, IsEmpty());
}

TEST(GpuTimeline, GapsAreInOrderOfTime) {
  const GpuTimeline timeline = build_gpu_timeline({{0ns, 10ns}, {12ns, 20ns}, {27ns, 30ns}});
  EXPECT_EQ(timeline.busy, 21ns);
  EXPECT_THAT(timeline.idle_gaps, ElementsAre(2ns, 7ns));
}

TEST(GpuTimeline, TakesIntervalsInAnyOrder) {
  const GpuTimeline timeline = build_gpu_timeline({{27ns, 30ns}, {0ns, 10ns}, {12ns, 20ns}});
  EXPECT_THAT(timeline.idle_gaps, ElementsAre(2ns, 7ns));
}

TEST(GpuTimeline, TouchingIntervalsLeaveNoGap) {
  const GpuTimeline timeline = build_gpu_timeline({{0ns, 10ns}, {10ns, 20ns}});
  EXPECT_EQ(timeline.busy, 20ns);
  EXPECT_THAT(timeline.idle_gaps, IsEmpty());
}

TEST(GpuTimeline, OverlapCountsOnce) {
  const GpuTimeline timeline = build_gpu_timeline({{0ns, 10ns}, {5ns, 12ns}, {15ns, 16ns}});
  EXPECT_EQ(timeline.busy, 13ns);
  EXPECT_THAT(timeline.idle_gaps, ElementsAre(3ns));
}

TEST(GpuTimeline, AnIntervalInsideAnotherDoesNotEndIt) {
  const GpuTimeline timeline = build_gpu_timeline({{0ns, 100ns}, {10ns, 20ns}, {50ns, 110ns}});
  EXPECT_EQ(timeline.busy, 110ns);
  EXPECT_THAT(timeline.idle_gaps, IsEmpty());
}

TEST(GpuTimeline, EmptyIntervalsDoNotSplitAGap) {
  const GpuTimeline timeline =
      build_gpu_timeline({{0ns, 10ns}, {15ns, 15ns}, {18ns, 17ns}, {20ns, 30ns}});
  EXPECT_EQ(timeline.busy, 20ns);
  EXPECT_THAT(timeline.idle_gaps, ElementsAre(10ns));
}

TEST(GpuTimeline, TheEpochDoesNotMatter) {
  const GpuTimeline timeline = build_gpu_timeline({{-20ns, -10ns}, {-5ns, 5ns}});
  EXPECT_EQ(timeline.busy, 20ns);
  EXPECT_THAT(timeline.idle_gaps, ElementsAre(5ns));
}

}  // namespace
}  // namespace cbr::bench
