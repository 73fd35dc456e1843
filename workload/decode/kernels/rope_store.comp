#version 450
// Rotates the query in place, and writes the rotated key and the value to the cache at the step's
// position. Dimension i of a head turns together with dimension i + head_dim / 2.
// Threads: one for each pair of the query, then of the key, then one for each number of the value.
#extension GL_GOOGLE_include_directive : require
#include "buffers.glsl"

layout(local_size_x_id = 0) in;

layout(push_constant) uniform Push {
  Floats query;       // [heads][head_dim]
  Floats key;         // [kv_heads][head_dim]
  Floats value;       // [kv_heads][head_dim]
  Floats key_cache;   // [kv_heads][head_dim][capacity]
  Floats value_cache; // [kv_heads][capacity][head_dim]
  Floats2 rotations;  // [capacity][head_dim / 2]: cosine and sine
  State state;
  uint heads;
  uint kv_heads;
  uint head_dim;
  uint capacity;
};

vec2 rotate(vec2 pair, vec2 rotation) {
  return vec2(pair.x * rotation.x - pair.y * rotation.y, pair.y * rotation.x + pair.x * rotation.y);
}

void main() {
  uint index = gl_GlobalInvocationID.x;
  uint position = state.position;
  uint half_dim = head_dim / 2;
  uint query_pairs = heads * half_dim;
  uint key_pairs = kv_heads * half_dim;
  if (index < query_pairs) {
    uint head = index / half_dim;
    uint dim = index % half_dim;
    uint first = head * head_dim + dim;
    uint second = first + half_dim;
    vec2 rotated = rotate(vec2(query.at[first], query.at[second]),
                          rotations.at[position * half_dim + dim]);
    query.at[first] = rotated.x;
    query.at[second] = rotated.y;
    return;
  }
  index -= query_pairs;
  if (index < key_pairs) {
    uint head = index / half_dim;
    uint dim = index % half_dim;
    uint first = head * head_dim + dim;
    uint second = first + half_dim;
    vec2 rotated = rotate(vec2(key.at[first], key.at[second]),
                          rotations.at[position * half_dim + dim]);
    key_cache.at[first * capacity + position] = rotated.x;
    key_cache.at[second * capacity + position] = rotated.y;
    return;
  }
  index -= key_pairs;
  if (index < kv_heads * head_dim) {
    uint head = index / head_dim;
    uint dim = index % head_dim;
    value_cache.at[(head * capacity + position) * head_dim + dim] = value.at[index];
  }
}
