#include "errors_binding.h"

#include <string>
#include <utility>

#include <cbr/errors.h>

namespace cbr::python {
namespace {

namespace py = pybind11;

/// Made once, when the module is, and never destroyed: an exception may come at any time.
struct ErrorClasses {
  PyObject* error;
  PyObject* invalid_option;
  PyObject* invalid_usage;
  PyObject* acquire_timeout;
  PyObject* execution_failed;
  PyObject* dependency_failed;
  PyObject* device_lost;
  PyObject* backend_error;
  PyObject* submit_failed;
  PyObject* input_error;
};
ErrorClasses classes{};

PyObject* make_class(py::module_& module, const char* name, const char* documentation,
                     const py::tuple& bases, const py::dict& members = {}) {
  const std::string qualified = std::string("cbr.") + name;
  PyObject* made =
      PyErr_NewExceptionWithDoc(qualified.c_str(), documentation, bases.ptr(), members.ptr());
  if (made == nullptr) throw py::error_already_set();
  module.attr(name) = py::handle(made);
  return made;
}

/// The class and text of a C++ exception of this library, or null if it is of another kind.
PyObject* class_of(const std::exception_ptr& error, std::string& text) {
  const auto is = [&](PyObject* type, const std::exception& thrown) {
    text = thrown.what();
    return type;
  };
  // The derived before their bases.
  try {
    std::rethrow_exception(error);
  } catch (const SubmitFailed& thrown) {
    return is(classes.submit_failed, thrown);
  } catch (const BackendError& thrown) {
    return is(classes.backend_error, thrown);
  } catch (const InvalidOption& thrown) {
    return is(classes.invalid_option, thrown);
  } catch (const InvalidUsage& thrown) {
    return is(classes.invalid_usage, thrown);
  } catch (const AcquireTimeout& thrown) {
    return is(classes.acquire_timeout, thrown);
  } catch (const ExecutionFailed& thrown) {
    return is(classes.execution_failed, thrown);
  } catch (const DependencyFailed& thrown) {
    return is(classes.dependency_failed, thrown);
  } catch (const DeviceLost& thrown) {
    return is(classes.device_lost, thrown);
  } catch (const InputError& thrown) {
    return is(classes.input_error, thrown);
  } catch (const Error& thrown) {
    return is(classes.error, thrown);
  } catch (...) {
    return nullptr;
  }
}

/// What failed first, for a DependencyFailed; null for any other error.
std::exception_ptr cause_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const DependencyFailed& thrown) {
    return thrown.cause();
  } catch (...) {
    return nullptr;
  }
}

py::object make_exception(PyObject* type, const std::string& text,
                          const std::exception_ptr& error) {
  py::object made = py::reinterpret_borrow<py::object>(type)(text);
  if (type == classes.dependency_failed) {
    py::object cause = exception_object(cause_of(error));
    made.attr("cause") = cause;
    // Takes over a reference.
    if (!cause.is_none()) PyException_SetCause(made.ptr(), cause.release().ptr());
  }
  return made;
}

}  // namespace

void bind_errors(py::module_& module) {
  const auto bases = [](auto... base) { return py::make_tuple(py::handle(base)...); };
  classes.error = make_class(module, "Error", "Base of every exception that this library raises.",
                             bases(PyExc_RuntimeError));
  classes.invalid_option =
      make_class(module, "InvalidOption", "An option or argument lies outside what is allowed.",
                 bases(classes.error, PyExc_ValueError));
  classes.invalid_usage = make_class(module, "InvalidUsage",
                                     "A rule of the API was broken: a lease was used after "
                                     "submit(), say.",
                                     bases(classes.error));
  classes.acquire_timeout =
      make_class(module, "AcquireTimeout", "acquire() reached its deadline before a slot was free.",
                 bases(classes.error, PyExc_TimeoutError));
  classes.execution_failed = make_class(
      module, "ExecutionFailed", "A submission reached the GPU and failed there. The ring goes on.",
      bases(classes.error));
  py::dict dependency_members;
  dependency_members["cause"] = py::none();
  classes.dependency_failed =
      make_class(module, "DependencyFailed",
                 "A submission had to wait for another one, which failed. `cause` is what failed "
                 "first, and so is `__cause__`.",
                 bases(classes.error), dependency_members);
  classes.device_lost = make_class(module, "DeviceLost",
                                   "The device is gone: every later call fails with the first "
                                   "cause.",
                                   bases(classes.error));
  classes.backend_error =
      make_class(module, "BackendError", "A backend or native call failed; the text names it.",
                 bases(classes.error));
  classes.submit_failed =
      make_class(module, "SubmitFailed", "The driver refused a submission. The slot is free again.",
                 bases(classes.backend_error));
  classes.input_error =
      make_class(module, "InputError", "A file or text that the user gave is wrong.",
                 bases(classes.error, PyExc_ValueError));
  py::register_exception_translator([](std::exception_ptr error) {
    std::string text;
    if (PyObject* type = class_of(error, text)) {
      PyErr_SetObject(type, make_exception(type, text, error).ptr());
      return;
    }
    // Not this library's: the next translator's.
    std::rethrow_exception(std::move(error));
  });
}

py::object exception_object(const std::exception_ptr& error) {
  if (error == nullptr) return py::none();
  std::string text;
  PyObject* type = class_of(error, text);
  if (type == nullptr) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& thrown) {
      text = thrown.what();
    } catch (...) {
      text = "an unknown error";
    }
    type = classes.error;
  }
  return make_exception(type, text, error);
}

}  // namespace cbr::python
