// The kernel of image_filter.py. Sharpens 8-bit RGBA: five times a pixel, less its four neighbours.
// Outside the picture its edge goes on. Transparency stays as it is.
#version 450
#extension GL_EXT_buffer_reference : require
layout(local_size_x = 16, local_size_y = 16) in;
layout(buffer_reference, std430, buffer_reference_align = 4) buffer Pixels { uint at[]; };
layout(push_constant) uniform Push { Pixels source; Pixels target; int width; int height; };

ivec4 pixel(int x, int y) {
  uint rgba = source.at[clamp(y, 0, height - 1) * width + clamp(x, 0, width - 1)];
  return ivec4(rgba & 255u, (rgba >> 8) & 255u, (rgba >> 16) & 255u, rgba >> 24);
}

void main() {
  int x = int(gl_GlobalInvocationID.x);
  int y = int(gl_GlobalInvocationID.y);
  if (x >= width || y >= height) return;
  ivec4 centre = pixel(x, y);
  ivec4 sharp = 5 * centre - pixel(x - 1, y) - pixel(x + 1, y) - pixel(x, y - 1) - pixel(x, y + 1);
  uvec3 rgb = uvec3(clamp(sharp.rgb, 0, 255));
  target.at[y * width + x] = rgb.r | (rgb.g << 8) | (rgb.b << 16) | (uint(centre.a) << 24);
}
