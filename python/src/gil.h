// Who holds Python's interpreter lock (the GIL), and what to do once the interpreter ends.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <pybind11/pybind11.h>

namespace cbr::python {

namespace py = pybind11;

/// Lets go of the GIL for its lifetime. Unlike pybind11's own it does not end the process if the
/// interpreter ends meanwhile: the thread then sleeps until the process has gone.
class ReleaseGil {
 public:
  ReleaseGil() : state_(PyEval_SaveThread()) {}
  ReleaseGil(const ReleaseGil&) = delete;
  ReleaseGil& operator=(const ReleaseGil&) = delete;
  // Python ends a thread that asks for the GIL too late by unwinding its stack.
  ~ReleaseGil() noexcept(false);

 private:
  PyThreadState* state_;
};

/// Runs `call` without the GIL and takes it again, also where that throws.
template <typename Call>
decltype(auto) without_gil(Call&& call) {
  const ReleaseGil released;
  return std::forward<Call>(call)();
}

/// Runs `call` with the GIL, on a thread that may hold it or not. Once the interpreter is shutting
/// down it does nothing and returns false. What Python raises goes to sys.unraisablehook.
bool with_gil(const std::function<void()>& call) noexcept;

/// A reference to a Python object for other threads: copied and dropped without the GIL, which is
/// taken where the last one goes.
using SharedObject = std::shared_ptr<py::object>;
[[nodiscard]] SharedObject share(py::object object);

/// From now on no thread other than Python's own enters the interpreter. Called once, at exit.
void close_the_gate() noexcept;

/// What ring options take as interrupt_check: raises KeyboardInterrupt and the like on the main
/// thread. Does nothing on others, which Python never interrupts.
void check_signals();

/// Remembers which thread is Python's main one.
void remember_main_thread();

}  // namespace cbr::python
