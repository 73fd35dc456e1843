// What a ring's figures mean, in Python.
#pragma once

#include <pybind11/pybind11.h>

namespace cbr::python {

void bind_diagnosis(pybind11::module_& module);

}  // namespace cbr::python
