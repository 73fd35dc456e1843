#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "unit/decode_gpu/kernel_runner.h"

namespace cbr::decode {
namespace {

struct Shape {
  std::uint32_t heads;
  std::uint32_t kv_heads;
  std::uint32_t head_dim;
  std::uint32_t position;
};

constexpr std::uint32_t capacity = 300;

class AttentionKernelTest : public testing::TestWithParam<Shape> {
 protected:
  // [kv_heads][head_dim][capacity] and [kv_heads][capacity][head_dim]. What lies past the position
  // is NaN: it must not be read.
  void fill_caches() {
    const auto [heads, kv_heads, head_dim, position] = GetParam();
    const std::size_t size = std::size_t{kv_heads} * head_dim * capacity;
    cached_keys = random_floats(size, 1);
    cached_values = random_floats(size, 2);
    for (std::size_t i = 0; i < size; ++i) {
      if (i % capacity > position) cached_keys[i] = std::numeric_limits<float>::quiet_NaN();
      if (i / head_dim % capacity > position)
        cached_values[i] = std::numeric_limits<float>::quiet_NaN();
    }
  }

  [[nodiscard]] std::vector<double> expected_head(const std::vector<float>& query,
                                                  std::uint32_t head, double scale) const {
    const auto [heads, kv_heads, head_dim, position] = GetParam();
    const std::size_t cache = std::size_t{head / (heads / kv_heads)} * head_dim * capacity;
    std::vector<double> weights;
    for (std::size_t p = 0; p <= position; ++p) {
      double score = 0;
      for (std::uint32_t dim = 0; dim < head_dim; ++dim) {
        score += static_cast<double>(query[head * head_dim + dim]) *
                 static_cast<double>(cached_keys[cache + std::size_t{dim} * capacity + p]);
      }
      weights.push_back(score * scale);
    }
    const double highest = *std::max_element(weights.begin(), weights.end());
    double sum = 0;
    for (double& weight : weights) sum += weight = std::exp(weight - highest);
    std::vector<double> result(head_dim);
    for (std::size_t p = 0; p <= position; ++p) {
      for (std::size_t dim = 0; dim < head_dim; ++dim) {
        result[dim] +=
            weights[p] / sum * static_cast<double>(cached_values[cache + p * head_dim + dim]);
      }
    }
    return result;
  }

  std::vector<float> cached_keys;
  std::vector<float> cached_values;
};

TEST_P(AttentionKernelTest, MatchesASoftmaxInDouble) {
  const auto [heads, kv_heads, head_dim, position] = GetParam();
  fill_caches();
  // Large enough for the online softmax to meet ever larger scores.
  constexpr float scale = 3;
  const std::vector<float> query = random_floats(std::size_t{heads} * head_dim, 3);
  const GpuFloats gpu_query(query);
  const GpuFloats keys(cached_keys);
  const GpuFloats values(cached_values);
  const GpuFloats outputs(std::vector<float>(query.size()));
  const GpuUints state = make_state(0, position, 1);
  run_kernel({KernelKind::attention, {64, (head_dim + 63) / 64}}, {heads, 1},
             AttentionPush{gpu_query.address(), keys.address(), values.address(), outputs.address(),
                           state.address(), heads / kv_heads, head_dim, capacity, scale});
  const std::vector<float> result = outputs.read();
  for (std::uint32_t head = 0; head < heads; ++head) {
    const std::vector<double> expected = expected_head(query, head, scale);
    for (std::uint32_t dim = 0; dim < head_dim; ++dim) {
      ASSERT_NEAR(static_cast<double>(result[head * head_dim + dim]), expected[dim], 1e-4)
          << "head " << head << ", dimension " << dim;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, AttentionKernelTest,
                         testing::Values(Shape{4, 2, 64, 0}, Shape{4, 2, 64, 63},
                                         Shape{4, 2, 64, 64}, Shape{7, 1, 6, 130},
                                         Shape{3, 3, 2, 5}, Shape{2, 1, 256, 299},
                                         Shape{2, 1, 130, 65}, Shape{5, 1, 34, 1}));

}  // namespace
}  // namespace cbr::decode
