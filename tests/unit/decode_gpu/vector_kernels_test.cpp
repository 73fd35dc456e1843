// embed, rms_norm and silu_multiply.
#include <cmath>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

#include "unit/decode_gpu/kernel_runner.h"

namespace cbr::decode {
namespace {

TEST(EmbedKernelTest, FetchesTheRowOfTheStatesToken) {
  for (const QuantFormat& format : all_formats()) {
    SCOPED_TRACE(describe(format));
    const TestMatrix matrix = make_matrix(5, 384, format);
    const GpuUints words(matrix.words);
    const GpuHalves scales(matrix.scales);
    const GpuHalves biases(matrix.biases);
    const GpuFloats outputs(std::vector<float>(384));
    const GpuUints state = make_state(3, 0, 1);
    const EmbedPush push{words.address(),
                         scales.address(),
                         biases.address(),
                         outputs.address(),
                         state.address(),
                         384,
                         0};
    run_kernel({KernelKind::embed, {64, format.bits, format.group_size, format.bfloat16}}, {2, 1},
               push);
    const std::vector<float> result = outputs.read();
    for (std::size_t i = 0; i < 384; ++i) {
      ASSERT_NEAR(result[i], matrix.values[std::size_t{3} * 384 + i], 1e-6F) << "column " << i;
    }
  }
}

TEST(RmsNormKernelTest, AnySizeAndNumberOfThreads) {
  for (const std::uint32_t size : {1U, 31U, 256U, 896U, 3585U}) {
    for (const std::uint32_t threads : {8U, 64U, 256U}) {
      SCOPED_TRACE(testing::Message() << size << " values, " << threads << " threads");
      const std::vector<float> inputs = random_floats(size, 1);
      const std::vector<float> weights = random_floats(size, 2);
      const GpuFloats gpu_inputs(inputs);
      const GpuFloats gpu_weights(weights);
      const GpuFloats outputs{std::vector<float>(size)};
      run_kernel(
          {KernelKind::rms_norm, {threads}}, {1, 1},
          RmsNormPush{gpu_inputs.address(), gpu_weights.address(), outputs.address(), size, 0.01F});
      double squares = 0;
      for (const float value : inputs) squares += std::pow(static_cast<double>(value), 2);
      const double factor = 1.0 / std::sqrt(squares / size + 0.01);
      const std::vector<float> result = outputs.read();
      for (std::size_t i = 0; i < size; ++i) {
        const double expected = static_cast<double>(inputs[i]) * factor * weights[i];
        ASSERT_NEAR(static_cast<double>(result[i]), expected, 1e-5) << "value " << i;
      }
    }
  }
}

TEST(SiluMultiplyKernelTest, MatchesAndStaysFiniteAtTheExtremes) {
  std::vector<float> gate = random_floats(131, 6);
  for (float& value : gate) value *= 10;
  gate[0] = -200;
  gate[1] = 200;
  gate[2] = 0;
  const std::vector<float> up = random_floats(131, 7);
  const GpuFloats gpu_gate(gate);
  const GpuFloats gpu_up(up);
  run_kernel({KernelKind::silu_multiply, {64}}, {3, 1},
             SiluMultiplyPush{gpu_gate.address(), gpu_up.address(), gpu_gate.address(), 131, 0});
  const std::vector<float> result = gpu_gate.read();
  for (std::size_t i = 0; i < gate.size(); ++i) {
    const double value = gate[i];
    const double expected = value / (1.0 + std::exp(-value)) * static_cast<double>(up[i]);
    ASSERT_NEAR(static_cast<double>(result[i]), expected, 1e-4) << "value " << i;
  }
}

}  // namespace
}  // namespace cbr::decode
