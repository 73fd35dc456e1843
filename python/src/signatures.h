// What inspect.signature() says of compiled functions and classes.
#pragma once

#include <pybind11/pybind11.h>

namespace cbr::python {

/// Gives each function and class of the module, and each method of these, the signature that
/// Python's inspect reads: notebooks and editors show it. pybind11 writes it for people only, in
/// the first line of the docstring. To be called once all is bound.
void bind_signatures(const pybind11::module_& module);

}  // namespace cbr::python
