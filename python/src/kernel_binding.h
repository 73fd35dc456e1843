// A compute kernel as a Python object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <pybind11/pybind11.h>

#include <cbr/vulkan.h>

#include "compute/kernel.h"

namespace cbr::python {

class KernelObject {
 public:
  /// `push` is the layout of the push constants, in the letters of Python's struct. Throws
  /// InvalidOption if the bytes are no compute shader that can run, as read_shader() says, or the
  /// layout is none or not the shader's; BackendError as compute::Kernel does.
  KernelObject(const pybind11::buffer& spirv, const std::string& push, const std::string& name,
               const std::vector<std::uint32_t>& constants, std::shared_ptr<vulkan::Device> device);

  /// Shared with the work in flight that uses it.
  [[nodiscard]] const std::shared_ptr<compute::Kernel>& kernel() const { return kernel_; }
  [[nodiscard]] const std::string& push() const { return push_; }
  /// Throws InvalidUsage if the kernel is another device's.
  void require_device(const std::shared_ptr<vulkan::Device>& device) const;
  /// The bytes of the push constants; a Buffer stands for its address. Throws InvalidUsage if the
  /// values don't fit the layout.
  [[nodiscard]] std::string pack(const pybind11::args& values) const;

 private:
  /// Throws InvalidUsage for the first value that does not fit; none may be to blame.
  void throw_first_wrong(const pybind11::list& values) const;

  std::shared_ptr<vulkan::Device> device_;
  std::string push_;
  /// A struct.Struct.
  pybind11::object layout_;
  /// The letter of each value.
  std::string letters_;
  std::shared_ptr<compute::Kernel> kernel_;
};

void bind_kernel(pybind11::module_& module);

}  // namespace cbr::python
