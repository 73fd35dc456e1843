#include <gtest/gtest.h>

#include <cbr/options.h>

namespace cbr {
namespace {

TEST(Options, ValuesGoToTextAndBack) {
  for (const auto strategy : {AllocationStrategy::round_robin, AllocationStrategy::least_busy,
                              AllocationStrategy::priority}) {
    EXPECT_EQ(parse_allocation_strategy(to_string(strategy)), strategy);
  }
  for (const auto strategy :
       {WaitStrategy::block, WaitStrategy::spin, WaitStrategy::hybrid, WaitStrategy::adaptive}) {
    EXPECT_EQ(parse_wait_strategy(to_string(strategy)), strategy);
  }
  for (const auto times : {GpuTimes::both, GpuTimes::end, GpuTimes::sampled, GpuTimes::none}) {
    EXPECT_EQ(parse_gpu_times(to_string(times)), times);
  }
}

TEST(Options, TheNamesAreThoseOfTheDocumentation) {
  EXPECT_EQ(to_string(AllocationStrategy::round_robin), "round-robin");
  EXPECT_EQ(to_string(AllocationStrategy::least_busy), "least-busy");
  EXPECT_EQ(to_string(AllocationStrategy::priority), "priority");
  EXPECT_EQ(to_string(WaitStrategy::block), "block");
  EXPECT_EQ(to_string(WaitStrategy::spin), "spin");
  EXPECT_EQ(to_string(WaitStrategy::hybrid), "hybrid");
  EXPECT_EQ(to_string(WaitStrategy::adaptive), "adaptive");
  EXPECT_EQ(to_string(GpuTimes::both), "both");
  EXPECT_EQ(to_string(GpuTimes::end), "end");
  EXPECT_EQ(to_string(GpuTimes::sampled), "sampled");
  EXPECT_EQ(to_string(GpuTimes::none), "none");
}

TEST(Options, OtherTextIsNoValue) {
  for (const auto* text : {"", "Block", "round_robin", "priority ", "hybrid", "unknown"}) {
    EXPECT_EQ(parse_allocation_strategy(text), std::nullopt) << text;
  }
  for (const auto* text : {"", "Block", "spin ", "priority", "unknown"}) {
    EXPECT_EQ(parse_wait_strategy(text), std::nullopt) << text;
  }
  for (const auto* text : {"", "Both", "ends", "on", "unknown"}) {
    EXPECT_EQ(parse_gpu_times(text), std::nullopt) << text;
  }
  EXPECT_EQ(to_string(static_cast<AllocationStrategy>(9)), "unknown");
  EXPECT_EQ(to_string(static_cast<WaitStrategy>(9)), "unknown");
  EXPECT_EQ(to_string(static_cast<GpuTimes>(9)), "unknown");
}

}  // namespace
}  // namespace cbr
