#include "core/step_forecast.h"

#include <chrono>
#include <cstdlib>
#include <limits>
#include <optional>

#include <gtest/gtest.h>

namespace cbr::detail {
namespace {

using namespace std::chrono_literals;
using Nanoseconds = std::chrono::nanoseconds;

/// A GPU whose clock is not the host's, and whose steps are noticed late.
class StepForecastTest : public testing::Test {
 protected:
  /// A step runs right after the one before, or after a pause.
  void run(Nanoseconds step, Nanoseconds pause = 0ns, Nanoseconds late = 3us) {
    const Nanoseconds start = gpu_ + pause;
    gpu_ = start + step;
    forecast_.ended(host() + late,
                    {.interval = GpuInterval{start, gpu_}, .end = {}, .error = nullptr});
  }
  /// The same where the GPU tells ends alone.
  void run_to_end(Nanoseconds step) {
    gpu_ += step;
    forecast_.ended(host() + 3us, {.interval = {}, .end = gpu_, .error = nullptr});
  }
  void run_many(Nanoseconds step, int count = 100) {
    for (int i = 0; i < count; ++i) run(step);
  }
  /// The GPU's time by the host's clock.
  [[nodiscard]] TimePoint host() const { return TimePoint(gpu_ + skew); }
  [[nodiscard]] std::optional<StepForecast::Estimate> expect(std::uint64_t steps = 1) const {
    return forecast_.expect(steps, TimePoint{});
  }

  static constexpr Nanoseconds skew = 5h;
  StepForecast forecast_;
  Nanoseconds gpu_ = 1h;
};

TEST_F(StepForecastTest, KnowsNothingAtFirst) {
  EXPECT_FALSE(expect());
  for (int i = 0; i < 7; ++i) run(1ms);
  EXPECT_FALSE(expect());
  run(1ms);
  EXPECT_TRUE(expect());
}

TEST_F(StepForecastTest, EqualStepsEndWhenTheyDid) {
  run_many(1ms);
  const auto one = expect();
  ASSERT_TRUE(one);
  EXPECT_EQ(one->step, 1ms);
  EXPECT_LT(one->deviation, 1us);
  // The two clocks are as far apart as the quickest notice says.
  EXPECT_EQ(one->end, host() + 3us + 1ms);
  EXPECT_EQ(expect(3)->end, host() + 3us + 3ms);
}

TEST_F(StepForecastTest, LateNoticesDontMakeItLater) {
  run_many(1ms);
  for (int i = 0; i < 20; ++i) run(1ms, 0ns, 700us);
  // But for what the clocks may have drifted apart.
  EXPECT_LT(expect()->end, host() + 1ms + 3us + 10us);
}

TEST_F(StepForecastTest, FollowsClocksThatDriftApart) {
  run_many(1ms);
  // 50 µs in a second, over ten of them: the host's clock is the faster.
  for (int i = 0; i < 10'000; ++i) run(1ms, 0ns, 3us + i * 50ns);
  const TimePoint truth = host() + 3us + 500us + 1ms;
  EXPECT_GT(expect()->end, truth - 20us);
  EXPECT_LE(expect()->end, truth);
}

TEST_F(StepForecastTest, AShortPauseBelongsToTheStep) {
  for (int i = 0; i < 100; ++i) run(1ms, 10us);
  EXPECT_EQ(expect()->step, 1010us);
}

TEST_F(StepForecastTest, ALongPauseDoesnt) {
  for (int i = 0; i < 100; ++i) run(1ms, 20ms);
  EXPECT_EQ(expect()->step, 1ms);
  EXPECT_LT(expect()->deviation, 1us);
}

TEST_F(StepForecastTest, CountsFromTheSubmissionWhereTheGpuWasIdle) {
  run_many(1ms);
  const TimePoint submitted = host() + 1s;
  EXPECT_EQ(forecast_.expect(1, submitted)->end, submitted + 1ms);
}

TEST_F(StepForecastTest, EndsAloneAreEnough) {
  for (int i = 0; i < 100; ++i) run_to_end(2ms);
  ASSERT_TRUE(expect());
  EXPECT_EQ(expect()->step, 2ms);
  EXPECT_EQ(expect()->end, host() + 3us + 2ms);
}

TEST_F(StepForecastTest, StepsThatVaryShowAsDeviation) {
  for (int i = 0; i < 100; ++i) run(i % 2 == 0 ? 1ms : 3ms);
  EXPECT_NEAR(static_cast<double>(expect()->step.count()), 2e6, 2e5);
  EXPECT_NEAR(static_cast<double>(expect()->deviation.count()), 1e6, 2e5);
}

TEST_F(StepForecastTest, FollowsALoadThatChanges) {
  run_many(10ms);
  run_many(1ms, 60);
  EXPECT_LT(expect()->step, 1010us);
  EXPECT_LT(expect()->deviation, 100us);
}

TEST_F(StepForecastTest, WithoutTimesItKnowsNothing) {
  for (int i = 0; i < 100; ++i) forecast_.ended(TimePoint(1s * i), Completion{});
  EXPECT_FALSE(expect());
}

TEST_F(StepForecastTest, TimesThatCantBeTrueAreNoTimes) {
  run_many(1ms);
  const auto before = expect();
  constexpr auto least = Nanoseconds::min();
  constexpr auto most = Nanoseconds::max();
  for (const auto& interval :
       {GpuInterval{least, most}, GpuInterval{most, most}, GpuInterval{least, least},
        GpuInterval{least, gpu_ + 1ms}, GpuInterval{0ns, most}}) {
    forecast_.ended(host(), {.interval = interval, .end = {}, .error = nullptr});
  }
  for (const auto end : {least, most}) {
    forecast_.ended(host(), {.interval = {}, .end = end, .error = nullptr});
  }
  EXPECT_EQ(expect()->end, before->end);
  EXPECT_EQ(expect()->step, before->step);
}

TEST_F(StepForecastTest, FarForecastsDontOverflow) {
  run_many(24h * 365 * 4, 10);
  const auto far = expect(std::numeric_limits<std::uint64_t>::max());
  ASSERT_TRUE(far);
  EXPECT_GT(far->end, host());
}

}  // namespace
}  // namespace cbr::detail
