#version 450
// outputs = gate * sigmoid(gate) * up, over `size` values.
#extension GL_GOOGLE_include_directive : require
#include "buffers.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push {
  Floats gate;
  Floats up;
  Floats outputs;  // may be `gate`
  uint size;
};

void main() {
  uint index = gl_GlobalInvocationID.x;
  if (index >= size) return;
  float value = gate.at[index];
  outputs.at[index] = value / (1.0 + exp(-value)) * up.at[index];
}
