// Quantised rows: value = scale * q + bias, with one scale and one bias for each group of columns.
// q's are packed into words of 32 bits, the first in the lowest bits.
layout(constant_id = 1) const uint BITS = 4;         // 4 or 8
layout(constant_id = 2) const uint GROUP_SIZE = 64;  // 32, 64 or 128
layout(constant_id = 3) const bool BFLOAT16 = false;  // type of scales and biases; else float16

// Values in a word of 32 bits.
const uint WORD_VALUES = 32 / BITS;

// Element `index` of an array of 16-bit floats.
float half_at(Uints halves, uint index) {
  uint bits = bitfieldExtract(halves.at[index >> 1], int((index & 1) * 16), 16);
  return BFLOAT16 ? uintBitsToFloat(bits << 16) : unpackHalf2x16(bits).x;
}

// Four values of 4 bits, from bit `shift` of `word` on.
vec4 unpack_nibbles(uint word, uint shift) {
  return vec4((uvec4(word) >> (uvec4(0, 4, 8, 12) + shift)) & 15u);
}

// Four values of 8 bits.
vec4 unpack_bytes(uint word) { return vec4((uvec4(word) >> uvec4(0, 8, 16, 24)) & 255u); }
