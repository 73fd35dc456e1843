#include "bench/paired_speedup.h"

#include <vector>

#include <gtest/gtest.h>

#include "bench/speedup_text.h"

namespace cbr::bench {
namespace {

using Rates = std::vector<double>;

TEST(StudentT, AgreesWithPublishedTables) {
  EXPECT_NEAR(student_t_975(1), 12.706205, 1e-6);
  EXPECT_NEAR(student_t_975(4), 2.776445, 1e-6);
  EXPECT_NEAR(student_t_975(30), 2.042272, 1e-6);
  EXPECT_NEAR(student_t_975(40), 2.021075, 1e-5);
  EXPECT_NEAR(student_t_975(120), 1.979930, 1e-5);
  EXPECT_NEAR(student_t_975(1'000'000), 1.959966, 1e-5);
}

TEST(StudentT, FallsWithTheDegreesOfFreedom) {
  for (std::size_t n = 1; n < 60; ++n) EXPECT_GT(student_t_975(n), student_t_975(n + 1)) << n;
}

TEST(PairedSpeedup, IsTheGeometricMeanWithAnInterval) {
  const auto speedup = paired_speedup(Rates{100, 200, 50}, Rates{110, 240, 52.5});
  ASSERT_TRUE(speedup && speedup->ci95);
  EXPECT_NEAR(speedup->ratio, 1.114947479545, 1e-9);
  EXPECT_NEAR(speedup->ci95->low, 0.942169129, 1e-6);
  EXPECT_NEAR(speedup->ci95->high, 1.319410543, 1e-6);
}

TEST(PairedSpeedup, PairingTakesOutTheDriftOfTheMachine) {
  // The machine slows to half its speed, the candidate is always 10 % faster.
  const auto speedup = paired_speedup(Rates{100, 80, 60, 50}, Rates{110, 88, 66, 55});
  ASSERT_TRUE(speedup && speedup->ci95);
  EXPECT_NEAR(speedup->ci95->low, 1.1, 1e-9);
  EXPECT_NEAR(speedup->ci95->high, 1.1, 1e-9);
}

TEST(PairedSpeedup, SwappingTheTwoGivesTheReciprocal) {
  const Rates a = {100, 103, 99};
  const Rates b = {120, 119, 125};
  const auto forward = paired_speedup(a, b);
  const auto backward = paired_speedup(b, a);
  EXPECT_NEAR(forward->ratio * backward->ratio, 1.0, 1e-12);
  EXPECT_NEAR(forward->ci95->low * backward->ci95->high, 1.0, 1e-12);
}

TEST(PairedSpeedup, OneRoundHasNoInterval) {
  const auto speedup = paired_speedup(Rates{100}, Rates{150});
  ASSERT_TRUE(speedup);
  EXPECT_NEAR(speedup->ratio, 1.5, 1e-12);
  EXPECT_FALSE(speedup->ci95);
  EXPECT_EQ(interval_text(*speedup), "–");
}

TEST(PairedSpeedup, DropsRoundsWithoutAPartner) {
  const auto speedup = paired_speedup(Rates{100, 100, 1}, Rates{200, 200});
  EXPECT_NEAR(speedup->ratio, 2.0, 1e-12);
}

TEST(PairedSpeedup, NeedsPositiveRates) {
  EXPECT_FALSE(paired_speedup(Rates{}, Rates{1}));
  EXPECT_FALSE(paired_speedup(Rates{0}, Rates{1}));
  EXPECT_FALSE(paired_speedup(Rates{1}, Rates{0}));
}

TEST(SpeedupText, ShowsOnWhichSideOfOneTheIntervalLies) {
  EXPECT_EQ(speedup_text({.ratio = 1.04, .ci95 = Interval95{1.01, 1.07}}), "1.04×");
  EXPECT_EQ(interval_text({.ratio = 1.04, .ci95 = Interval95{1.01, 1.07}}), "1.01–1.07");
  EXPECT_EQ(interval_text({.ratio = 1.006, .ci95 = Interval95{1.002, 1.01}}), "1.002–1.010");
}

}  // namespace
}  // namespace cbr::bench
