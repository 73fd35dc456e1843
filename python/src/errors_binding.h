// cbr's exceptions as Python's.
#pragma once

#include <exception>

#include <pybind11/pybind11.h>

namespace cbr::python {

/// Adds the exception classes to the module, and the translation of C++ ones to them.
void bind_errors(pybind11::module_& module);

/// The Python exception that stands for a failure; None for null.
[[nodiscard]] pybind11::object exception_object(const std::exception_ptr& error);

}  // namespace cbr::python
