// The bytes of any object with the buffer protocol.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include <pybind11/pybind11.h>

namespace cbr::python {

/// A view of an object, for reading, that may have gaps. Throws what the object raises: BufferError
/// if it has no bytes to show.
class View {
 public:
  explicit View(const pybind11::buffer& object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_FULL_RO) != 0) {
      throw pybind11::error_already_set();
    }
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View() { PyBuffer_Release(&view_); }

  /// Bytes, without the gaps.
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(view_.len); }
  /// In the letters of Python's struct.
  [[nodiscard]] std::string_view format() const {
    return view_.format == nullptr ? "B" : view_.format;
  }
  /// In C's order, without gaps.
  [[nodiscard]] bool is_contiguous() const { return PyBuffer_IsContiguous(&view_, 'C') != 0; }
  /// The bytes of a contiguous view.
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(view_.buf), size()};
  }
  /// Copies what is not contiguous in C's order. Needs the GIL.
  void copy_to(std::byte* target) const {
    if (PyBuffer_ToContiguous(target, const_cast<Py_buffer*>(&view_), view_.len, 'C') != 0) {
      throw pybind11::error_already_set();
    }
  }

 private:
  Py_buffer view_{};
};

}  // namespace cbr::python
