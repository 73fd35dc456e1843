// Where a model's weights lie in GPU memory.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

#include "decode/kernel_parameters.h"

namespace cbr::decode {

/// How a quantised matrix is stored.
struct QuantFormat {
  std::uint32_t bits = 4;         ///< 4 or 8
  std::uint32_t group_size = 64;  ///< 32, 64 or 128
  bool bfloat16 = false;          ///< scales and biases are bfloat16, else float16
  friend auto operator<=>(const QuantFormat&, const QuantFormat&) = default;
};

/// A quantised matrix [rows, columns]. The weights are aligned to 16 bytes, the rest to 4.
struct GpuMatrix {
  GpuAddress weights = 0;
  GpuAddress scales = 0;
  GpuAddress biases = 0;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  QuantFormat format;
};

/// One transformer layer. Vectors are of 32-bit floats.
struct GpuLayer {
  GpuAddress input_norm = 0;
  GpuMatrix q;
  GpuMatrix k;
  GpuMatrix v;
  GpuAddress q_bias = 0;
  GpuAddress k_bias = 0;
  GpuAddress v_bias = 0;
  GpuMatrix o;
  GpuAddress post_attention_norm = 0;
  GpuMatrix gate;
  GpuMatrix up;
  GpuMatrix down;
};

/// All weights of a model.
struct GpuWeights {
  GpuMatrix embedding;
  std::vector<GpuLayer> layers;
  GpuAddress norm = 0;
  GpuMatrix head;  ///< the embedding's addresses where the two are tied
};

}  // namespace cbr::decode
