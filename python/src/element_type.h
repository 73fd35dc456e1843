// What the elements of a buffer are, in the words of NumPy, of Python's buffers and of DLPack.
#pragma once

#include <cstdint>
#include <string_view>

#include <pybind11/pybind11.h>

#include "dlpack.h"

namespace cbr::python {

struct ElementType {
  /// "float32": as NumPy and PyTorch call it.
  const char* name;
  /// In the letters of Python's struct and its buffers; null if those have none for it.
  const char* format;
  std::uint8_t bytes;
  dlpack::DataType dlpack;
};

/// The type of that name. Throws InvalidOption, which lists the names, for another.
[[nodiscard]] const ElementType& element_type(std::string_view name);

/// The type that a user means: a name, a type of NumPy's or PyTorch's, or Python's own float, int,
/// bool or complex. Throws InvalidOption as element_type() does.
[[nodiscard]] const ElementType& element_type_from(const pybind11::object& given);

/// The type that a buffer's format stands for; null if it is none of them (a structure, say).
[[nodiscard]] const ElementType* type_of_format(std::string_view format, std::size_t bytes);

/// The type that DLPack has; null if it is none of them.
[[nodiscard]] const ElementType* type_of_dlpack(const dlpack::DataType& type);

}  // namespace cbr::python
