// GPU memory as a Python object with the buffer protocol.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include <cbr/vulkan.h>

#include "compute/buffer.h"
#include "element_type.h"
#include "shared_memory.h"

namespace cbr::python {

class BufferObject {
 public:
  /// `shape` counts elements along each axis; without one it is a row of them. Throws what
  /// compute::Buffer throws, InvalidOption for a size of 0, an unknown placement, or a shape that
  /// does not take `size` bytes.
  BufferObject(std::uint64_t size, const std::string& placement,
               std::shared_ptr<vulkan::Device> device, const ElementType& element,
               const std::optional<std::vector<std::uint64_t>>& shape);

  /// On an array's memory, as it is. Throws InvalidOption for the shape, as above.
  BufferObject(const SharedMemory& shared, const ElementType& element,
               const std::optional<std::vector<std::uint64_t>>& shape);

  /// Shared with the work in flight that uses it, which may outlive this object.
  [[nodiscard]] const std::shared_ptr<compute::Buffer>& buffer() const { return buffer_; }
  [[nodiscard]] compute::Placement placement() const { return placement_; }
  [[nodiscard]] const std::shared_ptr<vulkan::Device>& device() const { return device_; }
  [[nodiscard]] const ElementType& element() const { return *element_; }
  [[nodiscard]] const std::vector<pybind11::ssize_t>& shape() const { return shape_; }
  /// In bytes, in C's order.
  [[nodiscard]] const std::vector<pybind11::ssize_t>& strides() const { return strides_; }

  /// Throws InvalidUsage if the buffer is another device's.
  void require_device(const std::shared_ptr<vulkan::Device>& device) const;
  /// Throws InvalidUsage if the bytes lie outside.
  void require_range(const char* what, std::uint64_t offset, std::uint64_t size) const;

  /// Copies in and out; block, without the GIL, where the memory is the device's own.
  void write(const pybind11::buffer& data, std::uint64_t offset) const;
  [[nodiscard]] pybind11::bytes read(std::uint64_t offset, std::optional<std::uint64_t> size) const;

 private:
  std::shared_ptr<vulkan::Device> device_;
  compute::Placement placement_;
  const ElementType* element_;
  std::vector<pybind11::ssize_t> shape_;
  std::vector<pybind11::ssize_t> strides_;
  std::shared_ptr<compute::Buffer> buffer_;
};

void bind_buffer(pybind11::module_& module);

}  // namespace cbr::python
