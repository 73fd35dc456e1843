// The kinds of memory that the kernels reach by address. Indices count elements, so that 32 bits
// suffice; the device multiplies them to bytes in 64 bits.
#extension GL_EXT_buffer_reference : require

layout(buffer_reference, std430, buffer_reference_align = 4) buffer Uints { uint at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Uints4 { uvec4 at[]; };
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Floats { float at[]; };
layout(buffer_reference, std430, buffer_reference_align = 8) buffer Floats2 { vec2 at[]; };
layout(buffer_reference, std430, buffer_reference_align = 16) buffer Floats4 { vec4 at[]; };

// What one step hands to the next. Mirrored by StepState in kernel_parameters.h.
layout(buffer_reference, std430, buffer_reference_align = 16) buffer State {
  // The token that this step reads.
  uint token;
  // Its place in the sequence, from 0.
  uint position;
  // Tokens of the prompt.
  uint prompt_length;
};

// The work group's number, where groups are spread over two dimensions because one holds only 65535.
uint group_index() { return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x; }
