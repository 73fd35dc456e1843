#version 450
// Attention of one query head for each work group: softmax(query · keys * scale) · values, over
// the positions up to the step's own. The softmax is online: positions come in tiles of THREADS,
// and what was summed so far shrinks when a tile brings a larger score.
#extension GL_GOOGLE_include_directive : require
#include "buffers.glsl"

layout(constant_id = 0) const uint THREADS = 64;
// Dimensions of a head that each thread sums up: head_dim / THREADS, rounded up.
layout(constant_id = 1) const uint THREAD_DIMS = 1;
layout(local_size_x_id = 0) in;

const uint MAX_HEAD_DIM = 256;
// Stands for minus infinity, which not every device computes with.
const float LOWEST = -3.0e38;

layout(push_constant) uniform Push {
  Floats query;        // [heads][head_dim]
  Floats key_cache;    // [kv_heads][head_dim][capacity]
  Floats value_cache;  // [kv_heads][capacity][head_dim]
  Floats outputs;      // [heads][head_dim]
  State state;
  uint heads_per_kv_head;
  uint head_dim;
  uint capacity;
  float scale;
};

shared float shared_query[MAX_HEAD_DIM];
shared float scores[THREADS];
shared float weights[THREADS];

void main() {
  uint thread = gl_LocalInvocationID.x;
  uint head = gl_WorkGroupID.x;
  uint kv_head = head / heads_per_kv_head;
  uint position_count = state.position + 1;
  uint keys = kv_head * head_dim * capacity;
  uint values = keys;

  for (uint dim = thread; dim < head_dim; dim += THREADS) {
    shared_query[dim] = query.at[head * head_dim + dim] * scale;
  }
  barrier();

  float highest = LOWEST;
  float weight_sum = 0;
  float sums[THREAD_DIMS];
  for (uint part = 0; part < THREAD_DIMS; ++part) sums[part] = 0;

  for (uint start = 0; start < position_count; start += THREADS) {
    uint count = min(THREADS, position_count - start);
    float score = LOWEST;
    if (thread < count) {
      score = 0;
      for (uint dim = 0; dim < head_dim; ++dim) {
        score += shared_query[dim] * key_cache.at[keys + dim * capacity + start + thread];
      }
    }
    scores[thread] = score;
    barrier();
    float new_highest = highest;
    for (uint i = 0; i < count; ++i) new_highest = max(new_highest, scores[i]);
    weights[thread] = exp(score - new_highest);
    // Also keeps the next tile's scores from overwriting ones still to be read.
    barrier();
    float shrink = exp(highest - new_highest);
    highest = new_highest;
    weight_sum *= shrink;
    for (uint part = 0; part < THREAD_DIMS; ++part) sums[part] *= shrink;
    for (uint i = 0; i < count; ++i) {
      float weight = weights[i];
      weight_sum += weight;
      uint row = values + (start + i) * head_dim;
      for (uint part = 0; part < THREAD_DIMS; ++part) {
        // Threads past the last dimension repeat it, and don't write it.
        uint dim = min(part * THREADS + thread, head_dim - 1);
        sums[part] += weight * value_cache.at[row + dim];
      }
    }
  }

  for (uint part = 0; part < THREAD_DIMS; ++part) {
    uint dim = part * THREADS + thread;
    if (dim < head_dim) outputs.at[head * head_dim + dim] = sums[part] / weight_sum;
  }
}
