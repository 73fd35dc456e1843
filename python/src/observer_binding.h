// A ring's events for Python.
#pragma once

#include <memory>
#include <string_view>

#include <pybind11/pybind11.h>

#include <cbr/observer.h>

#include "gil.h"

namespace cbr::python {

/// The observer that a Python object is: a Recorder itself, which needs no GIL; for another object
/// one that calls those methods that it has: on_acquire, on_submit, on_complete, on_discard,
/// on_device_lost. It keeps the object alive. Throws TypeError, with the argument's name, if that
/// has none. Needs the GIL.
[[nodiscard]] std::shared_ptr<Observer> python_observer(std::string_view name,
                                                        const pybind11::object& object);

/// The Python object of such an observer; null for another. None once the garbage collector took
/// it.
[[nodiscard]] SharedObject object_of(const std::shared_ptr<Observer>& observer);

void bind_observer(pybind11::module_& module);

}  // namespace cbr::python
