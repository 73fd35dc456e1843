// Quantised matrices as model files store them, and their plain meaning in floats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "decode/dtype.h"

namespace cbr::decode {

/// A [rows, cols] matrix whose rows are cut into groups of `group_size` elements.
/// Element = scale × q + bias, with one scale and one bias a group. Eight 4-bit or four 8-bit
/// values of q lie in each little-endian 32-bit word, lowest bits first.
/// The bytes belong to the file they came from. They need not be aligned: copy them out.
struct QuantizedMatrix {
  std::uint32_t rows = 0;
  std::uint32_t cols = 0;
  std::uint32_t bits = 0;
  std::uint32_t group_size = 0;
  Dtype scale_dtype = Dtype::f16;     ///< of scales and biases: f16 or bf16
  std::span<const std::byte> weight;  ///< 32-bit words [rows, cols × bits / 32]
  std::span<const std::byte> scales;  ///< [rows, cols / group_size]
  std::span<const std::byte> biases;  ///< [rows, cols / group_size]
};

/// A vector of f16, bf16 or f32. The bytes belong to the file and need not be aligned.
struct DenseVector {
  std::uint32_t size = 0;
  Dtype dtype = Dtype::f16;
  std::span<const std::byte> bytes;
};

/// Element `index` of f16, bf16 or f32 data, as a float.
/// Throws InvalidUsage for another type or an index past the end.
[[nodiscard]] float element(std::span<const std::byte> bytes, Dtype dtype, std::size_t index);

/// Writes one row to `out`, which must hold exactly `cols` floats.
/// Throws InvalidUsage if `row` or the size of `out` is wrong.
void dequantize_row(const QuantizedMatrix& matrix, std::uint32_t row, std::span<float> out);

/// The vector's elements as floats.
[[nodiscard]] std::vector<float> to_floats(const DenseVector& vector);

}  // namespace cbr::decode
