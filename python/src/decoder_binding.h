// Text generation in Python.
#pragma once

#include <pybind11/pybind11.h>

namespace cbr::python {

void bind_decoder(pybind11::module_& module);

/// Stops every generation under way and waits for the steps in flight: at exit.
void stop_generations() noexcept;

}  // namespace cbr::python
