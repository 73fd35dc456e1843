#include "unit/decode_gpu/kernel_runner.h"

#include <random>

#include <fmt/format.h>

#include "compute/recorder.h"
#include "decode/half.h"
#include "decode/step_commands.h"

namespace cbr::decode {

GpuUints make_state(std::uint32_t token, std::uint32_t position, std::uint32_t prompt_length) {
  return GpuUints({token, position, prompt_length});
}

void run_dispatch(const PlannedDispatch& dispatch) {
  const auto device = test::validated_device();
  KernelSet kernels(device);
  const StepCommands commands({dispatch}, kernels);
  CommandBufferRing ring(vulkan::make_backend(device), {.ring_size = 1});
  Lease lease = ring.acquire();
  compute::Recorder recorder(*device, vulkan::command_buffer(lease));
  commands.record(recorder);
  std::move(lease).submit().wait();
}

std::vector<float> random_floats(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random() >> 8U) * 0x1p-23F - 1.0F;
  return values;
}

TestMatrix make_matrix(std::uint32_t rows, std::uint32_t columns, const QuantFormat& format) {
  TestMatrix matrix{rows, columns, format, {}, {}, {}, {}};
  std::mt19937 random(rows * 31 + columns);
  const std::uint32_t word_values = 32 / format.bits;
  const std::uint32_t mask = (1U << format.bits) - 1;
  matrix.words.resize(std::size_t{rows} * columns / word_values);
  for (std::uint32_t& word : matrix.words) word = static_cast<std::uint32_t>(random());
  const std::size_t groups = std::size_t{rows} * columns / format.group_size;
  const std::vector<float> noise = random_floats(2 * groups, columns);
  const auto store = format.bfloat16 ? bfloat16_from_float : half_from_float;
  const auto load = format.bfloat16 ? float_from_bfloat16 : float_from_half;
  for (std::size_t i = 0; i < groups; ++i) {
    matrix.scales.push_back(store(noise[i] / static_cast<float>(mask)));
    matrix.biases.push_back(store(noise[groups + i]));
  }
  for (std::size_t i = 0; i < std::size_t{rows} * columns; ++i) {
    const std::uint32_t shift = static_cast<std::uint32_t>(i % word_values) * format.bits;
    const std::uint32_t quantised = matrix.words[i / word_values] >> shift & mask;
    const std::size_t group = i / format.group_size;
    matrix.values.push_back(load(matrix.scales[group]) * static_cast<float>(quantised) +
                            load(matrix.biases[group]));
  }
  return matrix;
}

std::vector<QuantFormat> all_formats() {
  std::vector<QuantFormat> formats;
  for (const std::uint32_t bits : {4U, 8U}) {
    for (const std::uint32_t group_size : {32U, 64U, 128U}) {
      for (const bool bfloat16 : {false, true}) formats.push_back({bits, group_size, bfloat16});
    }
  }
  return formats;
}

std::string describe(const QuantFormat& format) {
  return fmt::format("{} bits, group {}, {}", format.bits, format.group_size,
                     format.bfloat16 ? "bf16" : "f16");
}

}  // namespace cbr::decode
