// What the GPU did for a ring, in Python.
#pragma once

#include <string>

#include <pybind11/pybind11.h>

#include <cbr/gpu_activity.h>

namespace cbr::python {

/// All of it by name, of what JSON has.
[[nodiscard]] pybind11::dict gpu_activity_dict(const GpuActivity& activity);
/// As repr() and a notebook show it.
[[nodiscard]] std::string gpu_activity_repr(const GpuActivity& activity);
[[nodiscard]] std::string gpu_activity_html(const GpuActivity& activity);

void bind_gpu_activity(pybind11::module_& module);

}  // namespace cbr::python
