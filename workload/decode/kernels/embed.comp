#version 450
// Fetches the embedding of the step's token: output[columns] = dequantised row `token`.
// One thread for each word of 32 bits of the row.
#extension GL_GOOGLE_include_directive : require
#include "buffers.glsl"
#include "quantised.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push {
  Uints weights;  // [rows][columns / WORD_VALUES]
  Uints scales;   // [rows][columns / GROUP_SIZE], 16 bits each
  Uints biases;   // likewise
  Floats outputs;
  State state;
  uint columns;
};

void main() {
  uint words = columns / WORD_VALUES;
  uint index = gl_GlobalInvocationID.x;
  if (index >= words) return;
  uint token = state.token;
  uint word = weights.at[token * words + index];
  uint group = token * (columns / GROUP_SIZE) + index * WORD_VALUES / GROUP_SIZE;
  float scale = half_at(scales, group);
  float bias = half_at(biases, group);
  for (uint i = 0; i < WORD_VALUES; ++i) {
    uint quantised = bitfieldExtract(word, int(i * BITS), int(BITS));
    outputs.at[index * WORD_VALUES + i] = scale * float(quantised) + bias;
  }
}
