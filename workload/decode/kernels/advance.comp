#version 450
// Ends a step: second stage of the choice of a token, if there is one to choose, and hands the next
// step its token and position. The host need not come back for the work to go on. One work group.
#extension GL_GOOGLE_include_directive : require
#include "best.glsl"

layout(push_constant) uniform Push {
  State state;
  Uints prompt;    // [prompt_length]
  Uints outputs;   // [capacity]: the token chosen at each position
  Uints partials;  // [partial_count][2]: key and index
  uint partial_count;  // 0: the step chooses nothing, the prompt goes on
};

void main() {
  uvec2 best = NOTHING;
  if (partial_count > 0) {
    for (uint i = gl_LocalInvocationID.x; i < partial_count; i += THREADS) {
      best = better(best, uvec2(partials.at[2 * i], partials.at[2 * i + 1]));
    }
    best = best_of_group(best);
  }
  if (gl_LocalInvocationID.x != 0) return;
  uint position = state.position;
  // Where every logit is NaN there is no best; any token that exists will do.
  uint token = best == NOTHING ? 0 : best.y;
  if (partial_count > 0) outputs.at[position] = token;
  if (position + 1 < state.prompt_length) token = prompt.at[position + 1];
  state.token = token;
  state.position = position + 1;
}
