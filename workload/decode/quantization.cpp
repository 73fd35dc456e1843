#include "decode/quantization.h"

#include <bit>
#include <cstring>

#include <fmt/format.h>

#include <cbr/errors.h>

#include "decode/half.h"

namespace cbr::decode {
namespace {

// Files are little-endian and values are copied as they are.
static_assert(std::endian::native == std::endian::little);

template <typename Value>
Value load(std::span<const std::byte> bytes, std::size_t index) {
  if (index >= bytes.size() / sizeof(Value)) {
    throw InvalidUsage(
        fmt::format("element {} is asked for of {}", index, bytes.size() / sizeof(Value)));
  }
  Value value;
  std::memcpy(&value, bytes.data() + index * sizeof(Value), sizeof(Value));
  return value;
}

}  // namespace

float element(std::span<const std::byte> bytes, Dtype dtype, std::size_t index) {
  switch (dtype) {
    case Dtype::f16:
      return float_from_half(load<std::uint16_t>(bytes, index));
    case Dtype::bf16:
      return float_from_bfloat16(load<std::uint16_t>(bytes, index));
    case Dtype::f32:
      return load<float>(bytes, index);
    default:
      throw InvalidUsage(
          fmt::format("element of dtype {}; expected F16, BF16 or F32", name_of(dtype)));
  }
}

void dequantize_row(const QuantizedMatrix& matrix, std::uint32_t row, std::span<float> out) {
  if (row >= matrix.rows || out.size() != matrix.cols) {
    throw InvalidUsage(fmt::format("dequantize_row: row {} into {} floats; the matrix is {} x {}",
                                   row, out.size(), matrix.rows, matrix.cols));
  }
  const std::size_t per_word = 32 / matrix.bits;
  const std::uint32_t mask = (1U << matrix.bits) - 1;
  const std::size_t first_word = std::size_t{row} * (matrix.cols / per_word);
  const std::size_t first_group = std::size_t{row} * (matrix.cols / matrix.group_size);
  for (std::size_t col = 0; col < matrix.cols; ++col) {
    const std::size_t group = first_group + col / matrix.group_size;
    const auto word = load<std::uint32_t>(matrix.weight, first_word + col / per_word);
    const std::uint32_t q = (word >> (matrix.bits * (col % per_word))) & mask;
    out[col] = element(matrix.scales, matrix.scale_dtype, group) * static_cast<float>(q) +
               element(matrix.biases, matrix.scale_dtype, group);
  }
}

std::vector<float> to_floats(const DenseVector& vector) {
  std::vector<float> values(vector.size);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = element(vector.bytes, vector.dtype, i);
  }
  return values;
}

}  // namespace cbr::decode
