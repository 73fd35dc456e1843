// GPU memory as a Python object with the buffer protocol.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <pybind11/pybind11.h>

#include <cbr/vulkan.h>

#include "compute/buffer.h"

namespace cbr::python {

class BufferObject {
 public:
  /// Throws what compute::Buffer throws, InvalidOption for a size of 0 or an unknown placement.
  BufferObject(std::uint64_t size, const std::string& placement,
               std::shared_ptr<vulkan::Device> device);

  /// Shared with the work in flight that uses it, which may outlive this object.
  [[nodiscard]] const std::shared_ptr<compute::Buffer>& buffer() const { return buffer_; }
  [[nodiscard]] compute::Placement placement() const { return placement_; }
  [[nodiscard]] const std::shared_ptr<vulkan::Device>& device() const { return device_; }

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
  std::shared_ptr<compute::Buffer> buffer_;
};

void bind_buffer(pybind11::module_& module);

}  // namespace cbr::python
