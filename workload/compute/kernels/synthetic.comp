#version 450
// The synthetic workload: each element of four floats takes a number of multiply-adds in place.
#extension GL_EXT_buffer_reference : require

layout(local_size_x_id = 0) in;

layout(buffer_reference, std430, buffer_reference_align = 16) buffer Elements {
  vec4 at[];
};

layout(push_constant) uniform Push {
  Elements elements;
  uint element_count;
  uint iterations;
};

void main() {
  // Two dimensions, because one may hold no more than 65535 groups.
  uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
  uint index = group * gl_WorkGroupSize.x + gl_LocalInvocationID.x;
  if (index >= element_count) return;
  vec4 value = elements.at[index];
  // One multiply-add each: the quadratic map. It stays between -2 and 2 and never settles, so that a
  // step left out, or run out of order, shows in the data.
  for (uint i = 0; i < iterations; ++i) {
    value = vec4(1.7, 1.8, 1.85, 1.9) - value * value;
  }
  elements.at[index] = value;
}
