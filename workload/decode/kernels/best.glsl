// The search for the largest value: among equal ones the lowest index wins, NaN never does.
#include "buffers.glsl"

layout(constant_id = 0) const uint THREADS = 64;  // a multiple of 8
layout(local_size_x_id = 0) in;

// (key, index) of the best so far. The first real value beats this.
const uvec2 NOTHING = uvec2(0, 0xFFFFFFFFu);

// Maps floats to integers in the same order, NaN to 0, and both zeros to one key. Integers, because
// comparisons with NaN are not reliable on every device.
uint order_key(float value) {
  uint bits = floatBitsToUint(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return 0;
  if (bits == 0x80000000u) bits = 0;
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

uvec2 better(uvec2 a, uvec2 b) {
  return b.x > a.x || (b.x == a.x && b.y < a.y) ? b : a;
}

shared uvec2 candidates[THREADS];
shared uvec2 finalists[8];

// The best of every thread's candidate.
uvec2 best_of_group(uvec2 candidate) {
  uint thread = gl_LocalInvocationID.x;
  candidates[thread] = candidate;
  barrier();
  if (thread < 8) {
    uvec2 best = candidates[thread];
    for (uint i = thread + 8; i < THREADS; i += 8) best = better(best, candidates[i]);
    finalists[thread] = best;
  }
  barrier();
  uvec2 best = finalists[0];
  for (uint i = 1; i < 8; ++i) best = better(best, finalists[i]);
  return best;
}
