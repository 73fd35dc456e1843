// Ring options by their C++ names.
#pragma once

#include <pybind11/pybind11.h>

#include <cbr/options.h>

#include "gil.h"

namespace cbr::python {

/// `base` with the options of a dict, whose keys are the fields of RingOptions. None leaves what
/// `base` has. Throws InvalidOption for an unknown key or name, TypeError for a value of the wrong
/// type.
[[nodiscard]] RingOptions options_from(const pybind11::dict& given, RingOptions base = {});

/// The Python function that the log sink of options_from() calls; null if there is none. None once
/// the garbage collector took it.
[[nodiscard]] SharedObject python_sink(const RingOptions& options);

/// "high", "medium", "low" or a number.
[[nodiscard]] std::optional<Priority> priority_from(const pybind11::object& given);

}  // namespace cbr::python
