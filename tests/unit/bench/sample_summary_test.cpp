#include "bench/sample_summary.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace cbr::bench {
namespace {

TEST(Percentile, InterpolatesBetweenNeighbours) {
  const std::vector<double> sorted = {10, 20, 30, 40, 50};
  EXPECT_DOUBLE_EQ(percentile(sorted, 0.0), 10);
  EXPECT_DOUBLE_EQ(percentile(sorted, 0.25), 20);
  EXPECT_DOUBLE_EQ(percentile(sorted, 0.9), 46);
  EXPECT_DOUBLE_EQ(percentile(sorted, 0.99), 49.6);
  EXPECT_DOUBLE_EQ(percentile(sorted, 1.0), 50);
}

TEST(Percentile, OfOneSampleIsThatSample) {
  const std::vector<double> one = {7};
  EXPECT_DOUBLE_EQ(percentile(one, 0.0), 7);
  EXPECT_DOUBLE_EQ(percentile(one, 0.99), 7);
}

TEST(Percentile, StaysWithinTheSamples) {
  const std::vector<double> sorted = {1, 2};
  EXPECT_DOUBLE_EQ(percentile(sorted, -1.0), 1);
  EXPECT_DOUBLE_EQ(percentile(sorted, 2.0), 2);
  EXPECT_DOUBLE_EQ(percentile({}, 0.5), 0);
}

TEST(Median, TakesSamplesInAnyOrder) {
  EXPECT_DOUBLE_EQ(median(std::vector<double>{3, 1, 2}), 2);
  EXPECT_DOUBLE_EQ(median(std::vector<double>{4, 1, 3, 2}), 2.5);
  EXPECT_DOUBLE_EQ(median({}), 0);
}

TEST(Summarize, KnowsAllFields) {
  const SampleSummary summary = summarize(std::vector<double>{4, 2, 9, 4, 5, 4, 7, 5});
  EXPECT_DOUBLE_EQ(summary.mean, 5);
  EXPECT_DOUBLE_EQ(summary.median, 4.5);
  EXPECT_DOUBLE_EQ(summary.min, 2);
  EXPECT_DOUBLE_EQ(summary.max, 9);
  EXPECT_DOUBLE_EQ(summary.std_dev, std::sqrt(32.0 / 7.0));
  EXPECT_DOUBLE_EQ(summary.p95, 8.3);
  EXPECT_DOUBLE_EQ(summary.p99, 8.86);
}

TEST(Summarize, OfOneSampleHasNoSpread) {
  const SampleSummary summary = summarize(std::vector<double>{3});
  EXPECT_DOUBLE_EQ(summary.mean, 3);
  EXPECT_DOUBLE_EQ(summary.std_dev, 0);
}

TEST(Summarize, OfNothingIsZero) {
  EXPECT_DOUBLE_EQ(summarize({}).mean, 0);
  EXPECT_DOUBLE_EQ(summarize({}).max, 0);
}

}  // namespace
}  // namespace cbr::bench
