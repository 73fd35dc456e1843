// Text of C++ in Python.
#pragma once

#include <string_view>

#include <pybind11/pybind11.h>

namespace cbr::python {

/// A text of any bytes: a label may end within a character, and an error's text may be of any
/// encoding.
[[nodiscard]] inline pybind11::str text_from(std::string_view text) {
  PyObject* const object =
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
  if (object == nullptr) throw pybind11::error_already_set();
  return pybind11::reinterpret_steal<pybind11::str>(object);
}

}  // namespace cbr::python
