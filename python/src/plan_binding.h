// Predictions in Python.
#pragma once

#include <pybind11/pybind11.h>

namespace cbr::python {

void bind_plan(pybind11::module_& module);

}  // namespace cbr::python
