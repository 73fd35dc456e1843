// The extension module: cbr._cbr.
#include <pybind11/pybind11.h>

#include "backends.h"
#include "buffer.h"
#include "compare.h"
#include "decoder.h"
#include "errors.h"
#include "gil.h"
#include "kernel.h"
#include "lease.h"
#include "ring.h"
#include "statistics.h"
#include "ticket.h"

namespace cbr::python {
namespace {

/// Ends all work while callbacks can still run: after this no other thread enters the interpreter.
void shut_down() {
  stop_generations();
  RingObject::close_all();
  close_the_gate();
  drop_default_device();
}

}  // namespace
}  // namespace cbr::python

PYBIND11_MODULE(_cbr, module) {
  using namespace cbr::python;
  module.doc() = "The compiled part of cbr.";
  module.attr("__version__") = CBR_VERSION;
  remember_main_thread();
  bind_errors(module);
  bind_statistics(module);
  bind_ticket(module);
  bind_backends(module);
  bind_buffer(module);
  bind_kernel(module);
  bind_lease(module);
  bind_ring(module);
  bind_decoder(module);
  bind_compare(module);
  pybind11::module_::import("atexit").attr("register")(pybind11::cpp_function(&shut_down));
}
