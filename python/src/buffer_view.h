// The bytes of any object with the buffer protocol.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
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
  [[nodiscard]] bool is_read_only() const { return view_.readonly != 0; }
  /// Elements along each axis, and the bytes from one to the next, as Python writes tuples.
  [[nodiscard]] std::string shape_text() const { return tuple_text(view_.shape); }
  [[nodiscard]] std::string strides_text() const { return tuple_text(view_.strides); }
  /// Throws TypeError for what kernels would see other numbers in, or the addresses of objects.
  void require_plain_numbers() const;
  /// The bytes of a contiguous view.
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(view_.buf), size()};
  }
  /// The same, of one that is not read-only.
  [[nodiscard]] std::span<std::byte> writable() const {
    return {static_cast<std::byte*>(view_.buf), size()};
  }
  /// Copies what is not contiguous in C's order. Needs the GIL.
  void copy_to(std::byte* target) const {
    if (PyBuffer_ToContiguous(target, const_cast<Py_buffer*>(&view_), view_.len, 'C') != 0) {
      throw pybind11::error_already_set();
    }
  }

 private:
  [[nodiscard]] std::string tuple_text(const Py_ssize_t* numbers) const {
    pybind11::tuple tuple(view_.ndim);
    for (int i = 0; i < view_.ndim; ++i) tuple[static_cast<std::size_t>(i)] = numbers[i];
    return pybind11::str(tuple).cast<std::string>();
  }

  Py_buffer view_{};
};

}  // namespace cbr::python
