// The parameters of the decode kernels, as their GLSL in kernels/ declares them.
#pragma once

#include <cstdint>

namespace cbr::decode {

/// An address on the GPU; 0 where a kernel doesn't use it.
using GpuAddress = std::uint64_t;

/// What one step hands to the next in GPU memory. Mirrors `State` in buffers.glsl.
struct StepState {
  std::uint32_t token = 0;
  std::uint32_t position = 0;
  std::uint32_t prompt_length = 0;
};

// One struct for each kernel's push constants, in the order of the kernel's block `Push`.

struct EmbedPush {
  GpuAddress weights;
  GpuAddress scales;
  GpuAddress biases;
  GpuAddress outputs;
  GpuAddress state;
  std::uint32_t columns;
  std::uint32_t padding;
};

struct MatvecPush {
  static constexpr std::uint32_t has_bias_vector = 1;
  static constexpr std::uint32_t has_residual = 2;
  GpuAddress weights;
  GpuAddress scales;
  GpuAddress biases;
  GpuAddress inputs;
  GpuAddress outputs;
  GpuAddress bias_vector;
  GpuAddress residual;
  std::uint32_t rows;
  std::uint32_t columns;
  std::uint32_t flags;
  std::uint32_t padding;
};

struct RmsNormPush {
  GpuAddress inputs;
  GpuAddress weights;
  GpuAddress outputs;
  std::uint32_t size;
  float epsilon;
};

struct RopeStorePush {
  GpuAddress query;
  GpuAddress key;
  GpuAddress value;
  GpuAddress key_cache;
  GpuAddress value_cache;
  GpuAddress rotations;
  GpuAddress state;
  std::uint32_t heads;
  std::uint32_t kv_heads;
  std::uint32_t head_dim;
  std::uint32_t capacity;
};

struct AttentionPush {
  GpuAddress query;
  GpuAddress key_cache;
  GpuAddress value_cache;
  GpuAddress outputs;
  GpuAddress state;
  std::uint32_t heads_per_kv_head;
  std::uint32_t head_dim;
  std::uint32_t capacity;
  float scale;
};

struct SiluMultiplyPush {
  GpuAddress gate;
  GpuAddress up;
  GpuAddress outputs;
  std::uint32_t size;
  std::uint32_t padding;
};

struct FindBestPush {
  GpuAddress logits;
  GpuAddress partials;
  std::uint32_t size;
  std::uint32_t group_values;
};

struct AdvancePush {
  GpuAddress state;
  GpuAddress prompt;
  GpuAddress outputs;
  GpuAddress partials;
  std::uint32_t partial_count;
  std::uint32_t padding;
};

}  // namespace cbr::decode
