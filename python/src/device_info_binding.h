// What a Vulkan device can do, as a Python object.
#pragma once

#include <pybind11/pybind11.h>

namespace cbr::python {

void bind_device_info(pybind11::module_& module);

}  // namespace cbr::python
