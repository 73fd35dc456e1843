#version 450
// Writes to whatever address it is given: for losing a device.
#extension GL_EXT_buffer_reference : require

layout(local_size_x = 1) in;

layout(buffer_reference, std430, buffer_reference_align = 16) buffer Word {
  uint value;
};

layout(push_constant) uniform Push {
  Word word;
};

void main() {
  word.value = 1;
}
