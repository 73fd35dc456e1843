#include <cmath>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include "unit/decode_gpu/kernel_runner.h"

namespace cbr::decode {
namespace {

// What the kernel is to compute, in double, and how large the terms are that it sums.
struct Expected {
  std::vector<double> values;
  std::vector<double> magnitudes;
};

Expected multiply(const TestMatrix& matrix, const std::vector<float>& inputs) {
  Expected expected;
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    double sum = 0;
    double magnitude = 0;
    for (std::size_t column = 0; column < matrix.columns; ++column) {
      const double term = static_cast<double>(matrix.values[row * matrix.columns + column]) *
                          static_cast<double>(inputs[column]);
      sum += term;
      magnitude += std::abs(term);
    }
    expected.values.push_back(sum);
    expected.magnitudes.push_back(magnitude);
  }
  return expected;
}

struct Extras {
  bool bias_vector = false;
  bool residual = false;
};

void check_matvec(const TestMatrix& matrix, std::uint32_t lanes, const Extras& extras) {
  SCOPED_TRACE(testing::Message() << matrix.rows << " x " << matrix.columns << ", "
                                  << describe(matrix.format) << ", " << lanes << " lanes");
  const std::vector<float> inputs = random_floats(matrix.columns, 3);
  const std::vector<float> bias = random_floats(matrix.rows, 4);
  const std::vector<float> residual = random_floats(matrix.rows, 5);
  const GpuUints words(matrix.words);
  const GpuHalves scales(matrix.scales);
  const GpuHalves biases(matrix.biases);
  const GpuFloats gpu_inputs(inputs);
  const GpuFloats gpu_bias(bias);
  // The sum goes where the residual comes from, as in a model.
  const GpuFloats outputs(residual);
  const std::uint32_t flags = (extras.bias_vector ? MatvecPush::has_bias_vector : 0) |
                              (extras.residual ? MatvecPush::has_residual : 0);
  const MatvecPush push{words.address(),
                        scales.address(),
                        biases.address(),
                        gpu_inputs.address(),
                        outputs.address(),
                        gpu_bias.address(),
                        outputs.address(),
                        matrix.rows,
                        matrix.columns,
                        flags,
                        0};
  // More groups than rows need, over two dimensions: the rest must write nothing.
  run_kernel({KernelKind::matvec,
              {64, matrix.format.bits, matrix.format.group_size, matrix.format.bfloat16, lanes}},
             {(matrix.rows * lanes + 255) / 256, 2}, push);

  const std::vector<float> result = outputs.read();
  const Expected expected = multiply(matrix, inputs);
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    double value = expected.values[row];
    if (extras.bias_vector) value += static_cast<double>(bias[row]);
    if (extras.residual) value += static_cast<double>(residual[row]);
    ASSERT_NEAR(static_cast<double>(result[row]), value, 1e-5 * (expected.magnitudes[row] + 1))
        << "row " << row;
  }
}

TEST(MatvecKernelTest, EveryFormat) {
  for (const QuantFormat& format : all_formats()) {
    check_matvec(make_matrix(37, 384, format), 2, {.bias_vector = true});
  }
}

TEST(MatvecKernelTest, EveryNumberOfLanes) {
  for (const std::uint32_t lanes : {1U, 2U, 4U, 8U, 16U, 32U, 64U}) {
    check_matvec(make_matrix(67, 2208, {.bits = 4, .group_size = 32}), lanes, {.residual = true});
    check_matvec(make_matrix(67, 160, {.bits = 8, .group_size = 32}), lanes, {.residual = true});
  }
}

TEST(MatvecKernelTest, OddSizes) {
  for (const std::uint32_t rows : {1U, 2U, 3U, 5U, 63U, 65U, 257U}) {
    check_matvec(make_matrix(rows, 96, {.bits = 4, .group_size = 32}), 2, {});
    check_matvec(make_matrix(rows, 32, {.bits = 8, .group_size = 32, .bfloat16 = true}), 2,
                 {.bias_vector = true, .residual = true});
  }
}

}  // namespace
}  // namespace cbr::decode
