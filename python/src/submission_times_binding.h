// When host and GPU dealt with a submission, in Python.
#pragma once

#include <pybind11/pybind11.h>

namespace cbr::python {

void bind_submission_times(pybind11::module_& module);

}  // namespace cbr::python
