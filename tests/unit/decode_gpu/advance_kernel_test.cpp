// The choice of a token and the end of a step: find_best and advance.
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "unit/decode_gpu/kernel_runner.h"

namespace cbr::decode {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

// The state after a step at `position` with these logits, and what it put out there.
struct Advanced {
  std::uint32_t output;
  std::uint32_t token;
  std::uint32_t position;
};

Advanced advance(const std::vector<float>& logits, std::uint32_t position,
                 const std::vector<std::uint32_t>& prompt) {
  constexpr std::uint32_t group_values = 100;
  const auto size = static_cast<std::uint32_t>(logits.size());
  const std::uint32_t groups = (size + group_values - 1) / group_values;
  const GpuFloats gpu_logits(logits);
  const GpuUints partials(std::vector<std::uint32_t>(2 * groups + 2, 12345));
  const GpuUints gpu_prompt(prompt);
  const GpuUints outputs(std::vector<std::uint32_t>(16, 777));
  const GpuUints state = make_state(0, position, static_cast<std::uint32_t>(prompt.size()));
  if (groups > 0) {
    run_kernel({KernelKind::find_best, {64}}, {groups, 1},
               FindBestPush{gpu_logits.address(), partials.address(), size, group_values});
  }
  run_kernel({KernelKind::advance, {64}}, {1, 1},
             AdvancePush{state.address(), gpu_prompt.address(), outputs.address(),
                         partials.address(), groups, 0});
  const std::vector<std::uint32_t> after = state.read();
  return {outputs.read()[position], after[0], after[1]};
}

std::uint32_t choose(const std::vector<float>& logits) {
  return advance(logits, 0, {1}).output;
}

TEST(FindBestTest, FindsTheLargestAnywhere) {
  for (const std::size_t place : {0U, 1U, 63U, 64U, 99U, 100U, 6999U, 7036U}) {
    std::vector<float> logits = random_floats(7037, 8);
    logits[place] = 1.5F;
    EXPECT_EQ(choose(logits), place);
  }
}

TEST(FindBestTest, OfEqualOnesTheLowestIndexWins) {
  EXPECT_EQ(choose(std::vector<float>(500, -3.0F)), 0U);
  std::vector<float> logits(500, 0.0F);
  logits[350] = logits[170] = logits[171] = 2.0F;
  EXPECT_EQ(choose(logits), 170U);
  EXPECT_EQ(choose({-1.0F, -0.0F, 0.0F}), 1U);
}

TEST(FindBestTest, NanNeverWins) {
  EXPECT_EQ(choose({nan, -5.0F, nan, -4.0F, -nan}), 3U);
  std::vector<float> logits(300, nan);
  logits[222] = -infinity;
  EXPECT_EQ(choose(logits), 222U);
}

TEST(FindBestTest, WithoutAnyNumberTheTokenStillExists) {
  EXPECT_EQ(choose(std::vector<float>(300, nan)), 0U);
}

TEST(FindBestTest, OrdersNegativeNumbersAndInfinities) {
  EXPECT_EQ(choose({-2.0F, -1.0F, -infinity}), 1U);
  EXPECT_EQ(choose({3.0e38F, infinity, -infinity}), 1U);
}

TEST(AdvanceTest, TheChoiceIsTheNextToken) {
  const Advanced result = advance({0.0F, 1.0F, 5.0F}, 4, {9, 9, 9});
  EXPECT_EQ(result.output, 2U);
  EXPECT_EQ(result.token, 2U);
  EXPECT_EQ(result.position, 5U);
}

TEST(AdvanceTest, AStepThatChoosesNothingTakesTheNextOfThePrompt) {
  const Advanced result = advance({}, 1, {10, 11, 12});
  EXPECT_EQ(result.output, 777U);
  EXPECT_EQ(result.token, 12U);
  EXPECT_EQ(result.position, 2U);
}

TEST(AdvanceTest, WhileThePromptLastsItGoesFirst) {
  const Advanced result = advance({0.0F, 1.0F}, 0, {10, 11});
  EXPECT_EQ(result.output, 1U);
  EXPECT_EQ(result.token, 11U);
}

}  // namespace
}  // namespace cbr::decode
