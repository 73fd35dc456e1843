#include <gtest/gtest.h>

#include <cbr/options.h>

namespace cbr {
namespace {

TEST(Options, StrategiesGoToTextAndBack) {
  for (const auto strategy : {AllocationStrategy::round_robin, AllocationStrategy::least_busy,
                              AllocationStrategy::priority}) {
    EXPECT_EQ(parse_allocation_strategy(to_string(strategy)), strategy);
  }
  for (const auto strategy : {WaitStrategy::block, WaitStrategy::spin, WaitStrategy::hybrid}) {
    EXPECT_EQ(parse_wait_strategy(to_string(strategy)), strategy);
  }
  EXPECT_EQ(to_string(AllocationStrategy::least_busy), "least-busy");
  EXPECT_EQ(to_string(WaitStrategy::hybrid), "hybrid");
}

TEST(Options, OtherTextIsNoStrategy) {
  for (const auto* text : {"", "Block", "round_robin", "priority ", "hybrid"}) {
    EXPECT_EQ(parse_allocation_strategy(text), std::nullopt) << text;
  }
  for (const auto* text : {"", "Block", "spin ", "priority"}) {
    EXPECT_EQ(parse_wait_strategy(text), std::nullopt) << text;
  }
  EXPECT_EQ(to_string(static_cast<WaitStrategy>(9)), "unknown");
}

}  // namespace
}  // namespace cbr
