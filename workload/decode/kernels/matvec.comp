#version 450
// outputs[row] = matrix[row] · inputs (+ bias_vector[row]) (+ residual[row]), for a quantised
// matrix.
//
// LANES neighbouring threads share a few rows: each takes 16 bytes of every one in turn, so that
// they read together what lies together. A thread works on several rows at once, so that it reads the
// inputs once for all.
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "buffers.glsl"
#include "quantised.glsl"

layout(constant_id = 0) const uint THREADS = 64;
layout(constant_id = 4) const uint LANES = 8;  // divides THREADS
layout(local_size_x_id = 0) in;

const uint THREAD_ROWS = 4;  // as in dispatch_plan.cpp
const uint GROUP_ROWS = THREADS / LANES * THREAD_ROWS;
// Values in 16 bytes. A group of columns is a multiple of it.
const uint CHUNK_VALUES = 4 * WORD_VALUES;

// Bits of `flags`.
const uint HAS_BIAS_VECTOR = 1;
const uint HAS_RESIDUAL = 2;

layout(push_constant) uniform Push {
  Uints4 weights;  // [rows][columns / CHUNK_VALUES]
  Uints scales;    // [rows][columns / GROUP_SIZE], 16 bits each
  Uints biases;    // likewise
  Floats4 inputs;  // [columns]
  Floats outputs;  // [rows]
  Floats bias_vector;
  Floats residual;  // may be `outputs`
  uint rows;
  uint columns;
  uint flags;
};

// partials[lane][row], so that neighbouring rows lie in different banks.
shared float partials[THREADS * THREAD_ROWS];

void main() {
  uint thread = gl_LocalInvocationID.x;
  uint lane = thread % LANES;
  uint row_of_group = thread / LANES * THREAD_ROWS;
  uint first_row = group_index() * GROUP_ROWS;
  uint row_chunks = columns / CHUNK_VALUES;
  uint row_groups = columns / GROUP_SIZE;

  uint matrix_rows[THREAD_ROWS];
  vec4 sums = vec4(0);  // of THREAD_ROWS rows
  // Rows past the end are computed as copies of the last, and not written.
  [[unroll]] for (uint r = 0; r < THREAD_ROWS; ++r) {
    matrix_rows[r] = min(first_row + row_of_group + r, rows - 1);
  }

  for (uint chunk = lane; chunk < row_chunks; chunk += LANES) {
    uvec4 words[THREAD_ROWS];
    [[unroll]] for (uint r = 0; r < THREAD_ROWS; ++r) {
      words[r] = weights.at[matrix_rows[r] * row_chunks + chunk];
    }
    vec4 products[THREAD_ROWS];
    [[unroll]] for (uint r = 0; r < THREAD_ROWS; ++r) products[r] = vec4(0);
    vec4 inputs_sum = vec4(0);
    [[unroll]] for (uint i = 0; i < 4; ++i) {
      if (BITS == 4) {
        vec4 low = inputs.at[chunk * 8 + 2 * i];
        vec4 high = inputs.at[chunk * 8 + 2 * i + 1];
        inputs_sum += low + high;
        [[unroll]] for (uint r = 0; r < THREAD_ROWS; ++r) {
          uint word = words[r][i];
          products[r] += unpack_nibbles(word, 0) * low + unpack_nibbles(word, 16) * high;
        }
      } else {
        vec4 four = inputs.at[chunk * 4 + i];
        inputs_sum += four;
        [[unroll]] for (uint r = 0; r < THREAD_ROWS; ++r) {
          products[r] += unpack_bytes(words[r][i]) * four;
        }
      }
    }
    // A group's scale and bias hold for the whole chunk.
    float input_sum = dot(inputs_sum, vec4(1));
    [[unroll]] for (uint r = 0; r < THREAD_ROWS; ++r) {
      uint group = matrix_rows[r] * row_groups + chunk * CHUNK_VALUES / GROUP_SIZE;
      sums[r] += half_at(scales, group) * dot(products[r], vec4(1)) +
                 half_at(biases, group) * input_sum;
    }
  }

  [[unroll]] for (uint r = 0; r < THREAD_ROWS; ++r) {
    partials[lane * GROUP_ROWS + row_of_group + r] = sums[r];
  }
  barrier();
  for (uint i = thread; i < GROUP_ROWS; i += THREADS) {
    uint row = first_row + i;
    if (row >= rows) break;
    float sum = 0;
    for (uint l = 0; l < LANES; ++l) sum += partials[l * GROUP_ROWS + i];
    if ((flags & HAS_BIAS_VECTOR) != 0) sum += bias_vector.at[row];
    if ((flags & HAS_RESIDUAL) != 0) sum += residual.at[row];
    outputs.at[row] = sum;
  }
}
