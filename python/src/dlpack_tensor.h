// An array of another library, taken over by DLPack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <pybind11/pybind11.h>

#include "dlpack.h"
#include "element_type.h"

namespace cbr::python {

/// Holds the array until it is destroyed, on any thread. Copies share it.
class DlpackTensor {
 public:
  /// Asks `array`, which has `__dlpack__`, for its memory, or for that itself and no copy of it.
  /// Throws what it raises; TypeError if the memory is not the CPU's, or holds what has no
  /// ElementType; BufferError for a copy where none may be.
  DlpackTensor(const pybind11::object& array, bool may_copy);

  [[nodiscard]] const ElementType& element() const { return *element_; }
  [[nodiscard]] const std::vector<pybind11::ssize_t>& shape() const { return shape_; }
  /// In bytes.
  [[nodiscard]] const std::vector<pybind11::ssize_t>& strides() const { return strides_; }
  [[nodiscard]] std::byte* data() const { return data_; }
  /// In bytes, without gaps.
  [[nodiscard]] std::size_t size() const;
  /// In C's order, without gaps.
  [[nodiscard]] bool is_contiguous() const;
  [[nodiscard]] bool is_read_only() const { return read_only_; }
  /// What keeps the memory.
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  void read(const dlpack::Tensor& tensor);

  std::shared_ptr<const void> owner_;
  const ElementType* element_ = nullptr;
  std::vector<pybind11::ssize_t> shape_;
  std::vector<pybind11::ssize_t> strides_;
  std::byte* data_ = nullptr;
  bool read_only_ = false;
};

void bind_dlpack_tensor(pybind11::module_& module);

}  // namespace cbr::python
