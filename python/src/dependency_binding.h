// What a submission waits for, as Python says it.
#pragma once

#include <pybind11/pybind11.h>

#include <cbr/dependency.h>

namespace cbr::python {

/// None, a ticket or Dependency, or several. Throws TypeError for anything else.
[[nodiscard]] Dependencies dependencies_from(const pybind11::object& given);

void bind_dependency(pybind11::module_& module);

}  // namespace cbr::python
