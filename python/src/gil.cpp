#include "gil.h"

#include <atomic>

#include <unistd.h>

namespace cbr::python {
namespace {

std::atomic<bool> gate_closed = false;
std::atomic<unsigned long> main_thread = 0;

bool interpreter_ends() {
#if PY_VERSION_HEX >= 0x030D0000
  return Py_IsFinalizing() != 0;
#else
  return _Py_IsFinalizing() != 0;
#endif
}

}  // namespace

ReleaseGil::~ReleaseGil() noexcept(false) {
  if (interpreter_ends() && PyThread_get_thread_ident() != main_thread) {
    for (;;) pause();
  }
  PyEval_RestoreThread(state_);
}

bool with_gil(const std::function<void()>& call) noexcept {
  if (gate_closed || interpreter_ends()) return false;
  const py::gil_scoped_acquire gil;
  try {
    call();
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable("a callback of cbr");
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
    PyErr_WriteUnraisable(nullptr);
  }
  return true;
}

SharedObject share(py::object object) {
  return {new py::object(std::move(object)), [](py::object* held) {
            // Too late to give it back: the interpreter's memory goes as a whole.
            if (!with_gil([&] { delete held; })) (void)held;
          }};
}

void close_the_gate() noexcept {
  gate_closed = true;
}

void check_signals() {
  if (PyThread_get_thread_ident() != main_thread || interpreter_ends()) return;
  const py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

void remember_main_thread() {
  const auto thread = py::module_::import("threading").attr("main_thread")();
  main_thread = thread.attr("ident").cast<unsigned long>();
}

}  // namespace cbr::python
