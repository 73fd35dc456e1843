#include "decode/half.h"

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace cbr::decode {
namespace {

TEST(Half, ReadsKnownValues) {
  EXPECT_EQ(float_from_half(0x3C00), 1.0F);
  EXPECT_EQ(float_from_half(0xC000), -2.0F);
  EXPECT_EQ(float_from_half(0x7BFF), 65504.0F);
  EXPECT_EQ(float_from_half(0x0001), 0x1p-24F);
  EXPECT_EQ(float_from_half(0x8400), -0x1p-14F);
  EXPECT_EQ(float_from_half(0x7C00), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(float_from_half(0x7E00)));
  EXPECT_TRUE(std::signbit(float_from_half(0x8000)));
}

TEST(Half, ComesBackUnchangedForEveryNumber) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = float_from_half(static_cast<std::uint16_t>(bits));
    if (!std::isnan(value)) {
      ASSERT_EQ(half_from_float(value), bits);
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  EXPECT_EQ(half_from_float(1.0F + 0x1p-11F), 0x3C00);
  EXPECT_EQ(half_from_float(1.0F + 3 * 0x1p-11F), 0x3C02);
  EXPECT_EQ(half_from_float(0x1p-25F), 0x0000);
  EXPECT_EQ(half_from_float(3 * 0x1p-25F), 0x0002);
  EXPECT_EQ(half_from_float(65519.0F), 0x7BFF);
  EXPECT_EQ(half_from_float(65520.0F), 0x7C00);
  EXPECT_EQ(half_from_float(-1e9F), 0xFC00);
  EXPECT_TRUE(std::isnan(float_from_half(half_from_float(std::nanf("")))));
}

TEST(Bfloat16, ReadsAndRounds) {
  EXPECT_EQ(float_from_bfloat16(0x3F80), 1.0F);
  EXPECT_EQ(float_from_bfloat16(0xC2F7), -123.5F);
  EXPECT_EQ(bfloat16_from_float(-123.5F), 0xC2F7);
  EXPECT_EQ(bfloat16_from_float(1.0F + 0x1p-8F), 0x3F80);
  EXPECT_EQ(bfloat16_from_float(1.0F + 3 * 0x1p-8F), 0x3F82);
  EXPECT_TRUE(
      std::isnan(float_from_bfloat16(bfloat16_from_float(std::bit_cast<float>(0x7F800001U)))));
}

}  // namespace
}  // namespace cbr::decode
