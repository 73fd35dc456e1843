#version 450
// First stage of the choice of a token: each work group finds the best of its share of the logits.
#extension GL_GOOGLE_include_directive : require
#include "best.glsl"

layout(push_constant) uniform Push {
  Floats logits;
  Uints partials;  // [groups][2]: key and index
  uint size;
  uint group_values;  // logits for each work group
};

void main() {
  uint start = gl_WorkGroupID.x * group_values;
  uint end = min(start + group_values, size);
  uvec2 best = NOTHING;
  for (uint i = start + gl_LocalInvocationID.x; i < end; i += THREADS) {
    uint key = order_key(logits.at[i]);
    if (key > best.x) best = uvec2(key, i);
  }
  best = best_of_group(best);
  if (gl_LocalInvocationID.x == 0) {
    partials.at[2 * gl_WorkGroupID.x] = best.x;
    partials.at[2 * gl_WorkGroupID.x + 1] = best.y;
  }
}
