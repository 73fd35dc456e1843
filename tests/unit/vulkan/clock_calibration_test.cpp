#include "backends/vulkan/clock_calibration.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace cbr::vulkan {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t ms = 1'000'000;

/// A device whose clock runs faster than the host's by some parts in a million.
std::int64_t host_of(std::int64_t gpu, double parts) {
  return 5'000'000'000 + gpu - std::llround(static_cast<double>(gpu) * parts * 1e-6);
}

TEST(ClockCalibration, KnowsNothingBeforeTheFirstReading) {
  EXPECT_EQ(ClockCalibration().at(0), std::nullopt);
}

TEST(ClockCalibration, OneReadingTellsTheOffsetAndLittleOfTheRate) {
  ClockCalibration calibration;
  calibration.add({100 * ms, 700 * ms, 3000});
  EXPECT_EQ(calibration.at(100 * ms)->offset, 600ms);
  EXPECT_EQ(calibration.at(100 * ms)->deviation, 3us);
  EXPECT_EQ(calibration.at(150 * ms)->offset, 600ms);
  EXPECT_EQ(calibration.at(150 * ms)->deviation, 3us + 5us) << "100 parts in a million";
  EXPECT_EQ(calibration.at(50 * ms)->deviation, 3us + 5us) << "and backwards";
}

TEST(ClockCalibration, FollowsTwoClocksThatDriftApart) {
  ClockCalibration calibration;
  for (std::int64_t gpu = 0; gpu <= 1000 * ms; gpu += 50 * ms) {
    calibration.add({gpu, host_of(gpu, 40), 1000});
  }
  const ClockOffset later = *calibration.at(1050 * ms);
  EXPECT_NEAR(static_cast<double>(later.offset.count()),
              static_cast<double>(host_of(1050 * ms, 40) - 1050 * ms), 2.0)
      << "without the rate it would be 2 µs off";
  EXPECT_LE(later.deviation, 1us + 100ns + 2ns);
}

TEST(ClockCalibration, IsNeverFurtherOffThanItSays) {
  std::mt19937_64 random(3);
  for (int run = 0; run < 200; ++run) {
    const double parts = static_cast<double>(random() % 200) - 100;
    ClockCalibration calibration;
    std::int64_t gpu = static_cast<std::int64_t>(random() % 1'000'000'000);
    for (int i = 0; i < 300; ++i) {
      const auto deviation = static_cast<std::int64_t>(500 + random() % 5000);
      const auto error =
          static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(2 * deviation)) -
          deviation;
      calibration.add({gpu, host_of(gpu, parts) + error, deviation});
      const std::int64_t when = gpu + static_cast<std::int64_t>(random() % (100 * ms));
      const ClockOffset said = *calibration.at(when);
      const std::int64_t truth = host_of(when, parts) - when;
      ASSERT_LE(std::abs(said.offset.count() - truth), said.deviation.count() + 2)
          << "run " << run << ", reading " << i;
      gpu = when;
    }
  }
}

TEST(ClockCalibration, OldReadingsDoNotCountForEver) {
  ClockCalibration calibration;
  // The rate changes as the machine gets warm.
  std::int64_t host = 0;
  std::int64_t gpu = 0;
  for (int i = 0; i < 400; ++i) {
    const std::int64_t parts = i < 200 ? 0 : 50;
    gpu += 50 * ms;
    host += 50 * ms + 50 * parts;
    calibration.add({gpu, host, 100});
  }
  // Ten seconds later the old rate has no part in it.
  EXPECT_NEAR(static_cast<double>(calibration.at(gpu + 50 * ms)->offset.count()),
              static_cast<double>(host - gpu + 2500), 2.0);
}

TEST(ClockCalibration, AReadingThatContradictsTheOthersMakesThemVoid) {
  ClockCalibration calibration;
  for (std::int64_t gpu = 0; gpu <= 100 * ms; gpu += 50 * ms) calibration.add({gpu, gpu, 1000});
  // The machine slept, and one of the clocks with it.
  calibration.add({150 * ms, 9000 * ms, 1000});
  EXPECT_EQ(calibration.at(150 * ms)->offset, 8850ms);
  EXPECT_EQ(calibration.at(200 * ms)->offset, 8850ms) << "no rate out of it";
  // Backwards.
  calibration.add({10 * ms, 9000 * ms, 1000});
  EXPECT_EQ(calibration.at(10 * ms)->offset, 8990ms);
}

TEST(ClockCalibration, OfADeviceThatCountsFrom1970) {
  // As NVIDIA's do.
  constexpr std::int64_t now = 1'795'000'000'000'000'000;
  ClockCalibration calibration;
  calibration.add({now, 5000 * ms, 3000});
  ASSERT_TRUE(calibration.at(now + ms));
  EXPECT_EQ(calibration.at(now)->offset.count(), 5000 * ms - now);
  EXPECT_EQ(calibration.at(now)->deviation, 3us);
}

TEST(ClockCalibration, LeavesOutWhatCannotBe) {
  ClockCalibration calibration;
  calibration.add({INT64_MAX, 0, 0});
  calibration.add({0, INT64_MIN, 0});
  calibration.add({0, 0, -1});
  EXPECT_EQ(calibration.at(0), std::nullopt);
  calibration.add({0, 0, 0});
  EXPECT_EQ(calibration.at(INT64_MAX), std::nullopt);
  EXPECT_EQ(calibration.at(INT64_MIN), std::nullopt);
  EXPECT_TRUE(calibration.at(1));
}

}  // namespace
}  // namespace cbr::vulkan
