#version 450
// outputs = inputs / sqrt(mean(inputs²) + epsilon) * weights, over `size` values. One work group.
#extension GL_GOOGLE_include_directive : require
#include "buffers.glsl"

layout(constant_id = 0) const uint THREADS = 64;  // a multiple of 8
layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push {
  Floats inputs;
  Floats weights;
  Floats outputs;
  uint size;
  float epsilon;
};

shared float partials[THREADS];
shared float partials_of_partials[8];

// The sum of every thread's `value`. Two rounds of serial sums cost two barriers, where halving
// would cost one for each power of two.
float group_sum(float value) {
  uint thread = gl_LocalInvocationID.x;
  partials[thread] = value;
  barrier();
  if (thread < 8) {
    float sum = 0;
    for (uint i = thread; i < THREADS; i += 8) sum += partials[i];
    partials_of_partials[thread] = sum;
  }
  barrier();
  float sum = 0;
  for (uint i = 0; i < 8; ++i) sum += partials_of_partials[i];
  return sum;
}

void main() {
  float squares = 0;
  for (uint i = gl_LocalInvocationID.x; i < size; i += THREADS) {
    float value = inputs.at[i];
    squares += value * value;
  }
  float factor = 1.0 / sqrt(group_sum(squares) / float(size) + epsilon);
  for (uint i = gl_LocalInvocationID.x; i < size; i += THREADS) {
    outputs.at[i] = inputs.at[i] * factor * weights.at[i];
  }
}
