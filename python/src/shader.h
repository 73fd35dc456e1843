// What a kernel has to know of its SPIR-V before a driver sees it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace cbr::python {

struct Shader {
  /// The bytes of push constants that it declares.
  std::uint32_t push_constant_size = 0;
};

/// Looks through SPIR-V, since drivers trust what they get and some crash on what is wrong. `name`
/// stands in messages. Throws InvalidOption if it is damaged, if it has no compute entry point
/// "main", or if it binds buffers or images: kernels find data by addresses among their push
/// constants alone.
[[nodiscard]] Shader read_shader(const std::string& name, std::span<const std::uint32_t> words);

}  // namespace cbr::python
