// An array's memory as a buffer of the GPU, without a copy.
#pragma once

#include <memory>

#include <pybind11/pybind11.h>

#include <cbr/vulkan.h>

#include "compute/buffer.h"

namespace cbr::python {

/// What a BufferObject on an array's memory is made of.
struct SharedMemory {
  std::shared_ptr<vulkan::Device> device;
  /// Holds the array, which it lets go of on any thread.
  std::shared_ptr<compute::Buffer> buffer;
};

void bind_shared_memory(pybind11::module_& module);

}  // namespace cbr::python
