#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "decode/workspace.h"
#include "unit/decode_gpu/kernel_runner.h"

namespace cbr::decode {
namespace {

struct Shape {
  std::uint32_t heads;
  std::uint32_t kv_heads;
  std::uint32_t head_dim;
};

constexpr std::uint32_t capacity = 11;
constexpr std::uint32_t position = 7;
constexpr double theta = 10000;

// The rotated element `dim` of a head that starts at `head`.
double rotated(const std::vector<float>& values, std::size_t head, std::uint32_t dim,
               std::uint32_t head_dim) {
  const std::uint32_t half = head_dim / 2;
  const std::uint32_t pair = dim % half;
  const double angle = position * std::pow(theta, -2.0 * pair / head_dim);
  const double first = values[head + pair];
  const double second = values[head + pair + half];
  return dim < half ? first * std::cos(angle) - second * std::sin(angle)
                    : second * std::cos(angle) + first * std::sin(angle);
}

class RopeStoreKernelTest : public testing::TestWithParam<Shape> {};

TEST_P(RopeStoreKernelTest, RotatesAndStoresAtThePosition) {
  const auto [heads, kv_heads, head_dim] = GetParam();
  ModelConfig config;
  config.head_dim = head_dim;
  config.rope_theta = theta;
  const std::vector<float> query = random_floats(std::size_t{heads} * head_dim, 1);
  const std::vector<float> key = random_floats(std::size_t{kv_heads} * head_dim, 2);
  const std::vector<float> value = random_floats(std::size_t{kv_heads} * head_dim, 3);
  const std::size_t cache_size = std::size_t{kv_heads} * head_dim * capacity;
  constexpr float untouched = 99;
  const GpuFloats gpu_query(query);
  const GpuFloats gpu_key(key);
  const GpuFloats gpu_value(value);
  const GpuFloats key_cache(std::vector<float>(cache_size, untouched));
  const GpuFloats value_cache(std::vector<float>(cache_size, untouched));
  const GpuFloats rotations(make_rotations(config, capacity));
  const GpuUints state = make_state(0, position, 1);
  const RopeStorePush push{gpu_query.address(),
                           gpu_key.address(),
                           gpu_value.address(),
                           key_cache.address(),
                           value_cache.address(),
                           rotations.address(),
                           state.address(),
                           heads,
                           kv_heads,
                           head_dim,
                           capacity};
  const std::uint32_t threads = (heads + kv_heads) * head_dim / 2 + kv_heads * head_dim;
  run_kernel({KernelKind::rope_store, {64}}, {(threads + 63) / 64, 1}, push);

  const std::vector<float> new_query = gpu_query.read();
  for (std::size_t i = 0; i < query.size(); ++i) {
    const auto dim = static_cast<std::uint32_t>(i % head_dim);
    ASSERT_NEAR(static_cast<double>(new_query[i]), rotated(query, i - dim, dim, head_dim), 1e-5);
  }
  const std::vector<float> keys = key_cache.read();
  const std::vector<float> values = value_cache.read();
  for (std::size_t i = 0; i < key.size(); ++i) {
    const auto dim = static_cast<std::uint32_t>(i % head_dim);
    for (std::uint32_t p = 0; p < capacity; ++p) {
      const double stored_key = keys[i * capacity + p];
      const float stored_value = values[((i - dim) / head_dim * capacity + p) * head_dim + dim];
      const bool here = p == position;
      ASSERT_NEAR(stored_key, here ? rotated(key, i - dim, dim, head_dim) : untouched, 1e-5);
      ASSERT_EQ(stored_value, here ? value[i] : untouched);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, RopeStoreKernelTest,
                         testing::Values(Shape{4, 2, 64}, Shape{7, 1, 2}, Shape{3, 3, 6},
                                         Shape{2, 1, 256}, Shape{5, 1, 34}));

TEST(RotationsTest, StayExactAtLargePositions) {
  ModelConfig config;
  config.head_dim = 4;
  config.rope_theta = 1e6F;
  const std::vector<float> table = make_rotations(config, 30001);
  EXPECT_FLOAT_EQ(table[std::size_t{30000} * 4], static_cast<float>(std::cos(30000.0)));
  EXPECT_FLOAT_EQ(table[std::size_t{30000} * 4 + 3], static_cast<float>(std::sin(30.0)));
}

}  // namespace
}  // namespace cbr::decode
