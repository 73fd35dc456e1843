// What Python's garbage collector has to know of bound classes.
#pragma once

#include <pybind11/pybind11.h>

#include "gil.h"

namespace cbr::python {

/// The object of a Python object of class T; null before its __init__ has ended.
template <typename T>
T* object_of(PyObject* self) {
  auto* instance = reinterpret_cast<py::detail::instance*>(self);
  py::detail::value_and_holder value = instance->get_value_and_holder();
  return value.holder_constructed() ? value.template value_ptr<T>() : nullptr;
}

/// Lets the collector see the objects that a T holds, the array T::held(), some of which may be
/// null, and so free a cycle through them: a ring whose log sink is a method of the object that has
/// the ring.
template <typename T>
py::custom_type_setup collectable() {
  return py::custom_type_setup([](PyHeapTypeObject* heap_type) {
    PyTypeObject& type = heap_type->ht_type;
    type.tp_flags |= Py_TPFLAGS_HAVE_GC;
    type.tp_traverse = [](PyObject* self, visitproc visit, void* arg) -> int {
      // Since Python 3.9 an object holds its class.
      Py_VISIT(Py_TYPE(self));
      const T* object = object_of<T>(self);
      if (object == nullptr) return 0;
      for (const SharedObject& held : object->held()) {
        if (held != nullptr) Py_VISIT(held->ptr());
      }
      return 0;
    };
    type.tp_clear = [](PyObject* self) -> int {
      const T* object = object_of<T>(self);
      if (object == nullptr) return 0;
      for (const SharedObject& held : object->held()) {
        // Out of its place first: to drop it may run anything.
        if (held != nullptr) const py::object dropped = std::exchange(*held, py::none());
      }
      return 0;
    };
  });
}

}  // namespace cbr::python
