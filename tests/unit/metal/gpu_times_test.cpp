// What Metal tells of when the GPU ran work is not believed where it can't be true.
#include "backends/metal/gpu_times.h"

#include <limits>

#include <gtest/gtest.h>

namespace cbr::metal {
namespace {

using namespace std::chrono_literals;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double infinite = std::numeric_limits<double>::infinity();

TEST(MetalGpuTimes, AreNanosecondsOfTheHostsClock) {
  const RunTimes times = run_times(12.5, 12.500000250);
  EXPECT_EQ(times.interval, (GpuInterval{12500ms, 12500ms + 250ns}));
  EXPECT_EQ(times.end, 12500ms + 250ns);
  EXPECT_EQ(run_times(12.5, 12.5).interval, (GpuInterval{12500ms, 12500ms}));
}

TEST(MetalGpuTimes, AnEndThatCannotBeIsAbsentAndSoIsTheInterval) {
  for (const double end :
       {0.0, -0.0, -1.0, not_a_number, infinite, -infinite, 1e300, 1e10, 1e-12}) {
    const RunTimes times = run_times(0.5, end);
    EXPECT_FALSE(times.interval.has_value()) << end;
    EXPECT_FALSE(times.end.has_value()) << end;
  }
}

TEST(MetalGpuTimes, AStartThatCannotBeLeavesTheEnd) {
  for (const double start : {0.0, -1.0, not_a_number, infinite, -infinite, 1e300, 1e10, 1e-12}) {
    const RunTimes times = run_times(start, 12.5);
    EXPECT_FALSE(times.interval.has_value()) << start;
    EXPECT_EQ(times.end, 12500ms) << start;
  }
}

TEST(MetalGpuTimes, AnEndBeforeItsStartDiscreditsBoth) {
  const RunTimes times = run_times(2, 1);
  EXPECT_FALSE(times.interval.has_value());
  EXPECT_FALSE(times.end.has_value());
}

TEST(MetalGpuTimes, TheLargestTimesCount) {
  // 292 years, which a double holds to the microsecond.
  EXPECT_TRUE(run_times(9.2e9, 9.2e9).interval.has_value());
  EXPECT_FALSE(run_times(9.2e9, 9.3e9).end.has_value());
}

}  // namespace
}  // namespace cbr::metal
