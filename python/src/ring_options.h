// Ring options by their C++ names.
#pragma once

#include <optional>

#include <pybind11/pybind11.h>

#include <cbr/options.h>

namespace cbr::python {

/// `base` with the options of a dict, whose keys are the fields of RingOptions; `timeout_ms` stands
/// for `timeout`, and 0 for ever. None leaves what `base` has. Throws InvalidOption for an unknown
/// key or name, TypeError for a value of the wrong type.
[[nodiscard]] RingOptions options_from(const pybind11::dict& given, RingOptions base = {});

/// "high", "medium", "low" or a number.
[[nodiscard]] std::optional<Priority> priority_from(const pybind11::object& given);

}  // namespace cbr::python
