#include "bench/rank_sum.h"

#include <vector>

#include <gtest/gtest.h>

namespace cbr::bench {
namespace {

using Samples = std::vector<double>;

// Expected values by counting all ways to split the samples.
TEST(MannWhitney, IsExactForSmallSets) {
  EXPECT_NEAR(mann_whitney_p(Samples{1, 2, 3, 4, 5}, Samples{6, 7, 8, 9, 10}), 2.0 / 252, 1e-12);
  EXPECT_NEAR(mann_whitney_p(Samples{1, 3, 5, 7}, Samples{2, 4, 6, 8}), 0.6857142857142857, 1e-12);
  EXPECT_NEAR(mann_whitney_p(Samples{1.5, 2, 9}, Samples{3, 4, 5, 6, 7, 8}), 0.5476190476190477,
              1e-12);
}

TEST(MannWhitney, IsExactWithTies) {
  EXPECT_NEAR(mann_whitney_p(Samples{1, 2, 2, 3}, Samples{2, 3, 3, 4, 5}), 0.1111111111111111,
              1e-12);
}

TEST(MannWhitney, IsOneWhereAllIsEqual) {
  EXPECT_DOUBLE_EQ(mann_whitney_p(Samples{5, 5, 5, 5}, Samples{5, 5, 5, 5}), 1.0);
}

TEST(MannWhitney, DoesNotDependOnTheOrderOfTheSets) {
  const Samples a = {1, 2, 2, 3};
  const Samples b = {2, 3, 3, 4, 5};
  EXPECT_DOUBLE_EQ(mann_whitney_p(a, b), mann_whitney_p(b, a));
}

TEST(MannWhitney, IsOneWithoutSamples) {
  EXPECT_DOUBLE_EQ(mann_whitney_p({}, Samples{1}), 1.0);
  EXPECT_DOUBLE_EQ(mann_whitney_p(Samples{1}, {}), 1.0);
}

TEST(MannWhitney, TheApproximationContinuesTheExactValues) {
  // 15 and 15 samples are counted exactly, 16 and 16 are approximated: the same mixture of two sets
  // must give nearly the same answer.
  const auto p_for = [](int count) {
    Samples a;
    Samples b;
    for (int i = 0; i < count; ++i) {
      a.push_back(i % 10);
      b.push_back((i % 10) + (i % 3));
    }
    return mann_whitney_p(a, b);
  };
  EXPECT_NEAR(p_for(16), p_for(15), 0.03);
  EXPECT_GT(p_for(15), 0.05);
  EXPECT_LT(p_for(60), p_for(15));
}

TEST(MannWhitney, TheApproximationSeesEqualAndUnlikeSets) {
  const Samples same(40, 1.0);
  const Samples more(40, 2.0);
  EXPECT_DOUBLE_EQ(mann_whitney_p(same, same), 1.0);
  EXPECT_LT(mann_whitney_p(same, more), 1e-10);
}

TEST(SmallestMannWhitney, TellsHowManySamplesAreTooFew) {
  EXPECT_NEAR(smallest_mann_whitney_p(3, 3), 0.1, 1e-12);
  EXPECT_NEAR(smallest_mann_whitney_p(4, 4), 2.0 / 70, 1e-12);
  EXPECT_NEAR(smallest_mann_whitney_p(1, 1), 1.0, 1e-12);
  EXPECT_NEAR(smallest_mann_whitney_p(2, 5), mann_whitney_p(Samples{1, 2}, Samples{3, 4, 5, 6, 7}),
              1e-12);
  EXPECT_DOUBLE_EQ(smallest_mann_whitney_p(0, 5), 1.0);
  EXPECT_NEAR(smallest_mann_whitney_p(1, 199), 0.01, 1e-12);
  EXPECT_LT(smallest_mann_whitney_p(100'000, 100'000), 1e-300);
}

}  // namespace
}  // namespace cbr::bench
