// A ring's events for Python.
#pragma once

#include <memory>

#include <pybind11/pybind11.h>

#include <cbr/observer.h>

#include "gil.h"

namespace cbr::python {

/// An observer that calls those methods of a Python object that it has: on_acquire, on_submit,
/// on_complete, on_discard, on_device_lost. Throws TypeError if it has none. Needs the GIL.
[[nodiscard]] std::shared_ptr<Observer> python_observer(const pybind11::object& object);

/// The Python object of such an observer; null for another. None once the garbage collector took
/// it.
[[nodiscard]] SharedObject object_of(const std::shared_ptr<Observer>& observer);

void bind_observer(pybind11::module_& module);

}  // namespace cbr::python
