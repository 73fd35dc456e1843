// The extension module: cbr._cbr.
#include <pybind11/pybind11.h>

#include "acquire_binding.h"
#include "backends_binding.h"
#include "buffer_binding.h"
#include "compare_binding.h"
#include "config_binding.h"
#include "decoder_binding.h"
#include "dependency_binding.h"
#include "device_binding.h"
#include "device_info_binding.h"
#include "diagnosis_binding.h"
#include "dlpack_tensor.h"
#include "errors_binding.h"
#include "gil.h"
#include "gpu_activity_binding.h"
#include "kernel_binding.h"
#include "lease_binding.h"
#include "observer_binding.h"
#include "plan_binding.h"
#include "recording_binding.h"
#include "ring_binding.h"
#include "shared_memory.h"
#include "signatures.h"
#include "statistics_binding.h"
#include "submission_times_binding.h"
#include "ticket_binding.h"

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
  namespace python = cbr::python;
  module.doc() = "The compiled part of cbr.";
  module.attr("__version__") = CBR_VERSION;
  python::remember_main_thread();
  python::bind_errors(module);
  python::bind_gpu_activity(module);
  python::bind_statistics(module);
  python::bind_diagnosis(module);
  python::bind_ticket(module);
  python::bind_submission_times(module);
  python::bind_observer(module);
  python::bind_recording(module);
  python::bind_plan(module);
  python::bind_device_info(module);
  python::bind_device(module);
  python::bind_backends(module);
  python::bind_config(module);
  python::bind_dlpack_tensor(module);
  python::bind_shared_memory(module);
  python::bind_buffer(module);
  python::bind_kernel(module);
  python::bind_dependency(module);
  python::bind_lease(module);
  python::bind_acquire(module);
  python::bind_simulate(module);
  python::bind_ring(module);
  python::bind_decoder(module);
  python::bind_compare(module);
  python::bind_signatures(module);
  pybind11::module_::import("atexit").attr("register")(pybind11::cpp_function(&python::shut_down));
}
