#include "decode/quantization.h"

#include <array>
#include <cstring>

#include <gmock/gmock.h>

#include <cbr/errors.h>

#include "decode/half.h"

namespace cbr::decode {
namespace {

using testing::ElementsAre;

template <typename Value, std::size_t Count>
std::span<const std::byte> bytes_of(const std::array<Value, Count>& values) {
  return std::as_bytes(std::span(values));
}

TEST(DequantizeRow, Reads4BitsLowestFirstWithHalfScales) {
  // Two rows of one group of 32; the second row counts 0 to 15 twice.
  std::array<std::uint32_t, 8> weight{};
  weight[4] = weight[6] = 0x76543210;
  weight[5] = weight[7] = 0xFEDCBA98;
  const std::array<std::uint16_t, 2> scales{half_from_float(9.0F), half_from_float(0.5F)};
  const std::array<std::uint16_t, 2> biases{half_from_float(9.0F), half_from_float(-2.0F)};
  const QuantizedMatrix matrix{
      2, 32, 4, 32, Dtype::f16, bytes_of(weight), bytes_of(scales), bytes_of(biases)};
  std::array<float, 32> row{};
  dequantize_row(matrix, 1, row);
  for (std::size_t i = 0; i < row.size(); ++i) {
    EXPECT_EQ(row.at(i), 0.5F * static_cast<float>(i % 16) - 2.0F);
  }
}

TEST(DequantizeRow, Reads8BitsWithBfloat16ScalesInEachGroup) {
  std::array<std::uint32_t, 16> weight{};
  for (std::uint32_t i = 0; i < 16; ++i) weight.at(i) = 0xFF020100;
  const std::array<std::uint16_t, 2> scales{bfloat16_from_float(1.0F), bfloat16_from_float(0.25F)};
  const std::array<std::uint16_t, 2> biases{bfloat16_from_float(0.0F), bfloat16_from_float(-8.0F)};
  const QuantizedMatrix matrix{
      1, 64, 8, 32, Dtype::bf16, bytes_of(weight), bytes_of(scales), bytes_of(biases)};
  std::array<float, 64> row{};
  dequantize_row(matrix, 0, row);
  EXPECT_THAT(std::span(row).first(4), ElementsAre(0.0F, 1.0F, 2.0F, 255.0F));
  EXPECT_THAT(std::span(row).last(4), ElementsAre(-8.0F, -7.75F, -7.5F, 55.75F));
}

TEST(DequantizeRow, RefusesARowOrASizeThatDoesNotFit) {
  const QuantizedMatrix matrix{2, 32, 4, 32, Dtype::f16, {}, {}, {}};
  std::array<float, 32> row{};
  EXPECT_THROW(dequantize_row(matrix, 2, row), InvalidUsage);
  EXPECT_THROW(dequantize_row(matrix, 0, std::span(row).first(31)), InvalidUsage);
  EXPECT_THROW(dequantize_row(matrix, 0, row), InvalidUsage);
}

TEST(ToFloats, ReadsUnalignedVectors) {
  alignas(4) std::array<std::byte, 9> bytes{};
  const float value = 1.5F;
  std::memcpy(bytes.data() + 1, &value, sizeof(value));
  const DenseVector vector{2, Dtype::f32, std::span<const std::byte>(bytes).subspan(1)};
  EXPECT_THAT(to_floats(vector), ElementsAre(1.5F, 0.0F));
  EXPECT_THROW(static_cast<void>(element(bytes, Dtype::u32, 0)), InvalidUsage);
}

}  // namespace
}  // namespace cbr::decode
