// The element types of tensors in model files.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cbr::decode {

/// The element type of a tensor.
enum class Dtype : std::uint8_t {
  boolean,
  u8,
  i8,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  f64,
  i64,
  u64,
};

/// Bytes of one element.
[[nodiscard]] std::uint64_t size_of(Dtype dtype);

/// The name that safetensors files use: "F16", say.
[[nodiscard]] std::string_view name_of(Dtype dtype);

/// The type of that name, or nothing if there is none.
[[nodiscard]] std::optional<Dtype> dtype_from_name(std::string_view name);

}  // namespace cbr::decode
