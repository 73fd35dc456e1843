// The ring's messages for Python.
#pragma once

#include <pybind11/pybind11.h>

#include <cbr/options.h>

#include "gil.h"

namespace cbr::python {

/// A log sink that calls a Python function with each message, a cbr.LogMessage. Needs the GIL.
[[nodiscard]] LogSink python_log_sink(pybind11::function function);

/// The Python function that such a sink calls; null for another sink. None once the garbage
/// collector took it.
[[nodiscard]] SharedObject function_of(const LogSink& sink);

}  // namespace cbr::python
