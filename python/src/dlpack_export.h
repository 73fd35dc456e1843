// A buffer's memory for other libraries of arrays.
#pragma once

#include <pybind11/pybind11.h>

#include "buffer_binding.h"

namespace cbr::python {

/// Adds `__dlpack__` and `__dlpack_device__`.
void bind_dlpack_export(pybind11::class_<BufferObject>& type);

}  // namespace cbr::python
