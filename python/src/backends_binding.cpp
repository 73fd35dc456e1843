#include "backends_binding.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/errors.h>
#include <cbr/validation.h>

#include "argument.h"
#include "device_binding.h"
#include "durations.h"
#include "gil.h"
#include "lease_binding.h"

namespace cbr::python {
namespace {

constexpr std::array<std::pair<const char*, Fault>, 10> all_faults = {
    {{"none", Fault::none},
     {"fail_begin", Fault::fail_begin},
     {"fail_submit", Fault::fail_submit},
     {"fail_execution", Fault::fail_execution},
     {"hang", Fault::hang},
     {"lose_device", Fault::lose_device},
     {"fail_wait", Fault::fail_wait},
     {"fail_completed", Fault::fail_completed},
     {"fail_finish", Fault::fail_finish},
     {"fail_wake", Fault::fail_wake}}};

/// The fault of a name. Throws InvalidOption, which lists the names, for another.
Fault fault_from(const std::string& name) {
  std::string names;
  for (const auto& [each, fault] : all_faults) {
    if (name == each) return fault;
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", each);
  }
  throw InvalidOption(fmt::format("fault is \"{}\", allowed are {}", name, names));
}

FaultInjectorObject make_fault_injector(
    const py::object& inner, const Argument<"seed", std::uint64_t>& seed,
    const Argument<"begin", double>& begin, const Argument<"submit", double>& submit,
    const Argument<"execution", double>& execution, const Argument<"hang", double>& hang,
    const Argument<"device_loss", double>& device_loss, const Argument<"wait", double>& wait,
    const Argument<"completed", double>& completed, const Argument<"finish", double>& finish,
    const Argument<"wake", double>& wake,
    const Argument<"script", std::vector<std::pair<std::string, std::uint64_t>>>& script) {
  BackendObject base = backend_from(inner);
  FaultPlan plan{.seed = seed.value,
                 .begin = begin.value,
                 .submit = submit.value,
                 .execution = execution.value,
                 .hang = hang.value,
                 .device_loss = device_loss.value,
                 .wait = wait.value,
                 .completed = completed.value,
                 .finish = finish.value,
                 .wake = wake.value,
                 .script = {}};
  for (const auto& [fault, call] : script.value) plan.script.push_back({fault_from(fault), call});
  auto faults = inject_faults(std::move(base.backend), std::move(plan));
  return {{faults, std::move(base.device)}, faults};
}

void bind_simulated(py::module_& module) {
  py::class_<SimulatedGpuObject, BackendObject>(
      module, "SimulatedGpu",
      "A GPU that exists only in numbers, with a virtual clock: waits take no time and come out "
      "exactly. For tests of your own loops.")
      .def(py::init([](const Argument<"queue_count", std::uint32_t>& queue_count) {
             auto gpu = simulated::make_gpu(queue_count.value);
             return SimulatedGpuObject{{gpu, nullptr}, gpu};
           }),
           py::arg("queue_count") = 1, "A GPU with so many queues, at the virtual time 0.")
      .def(
          "pause", [](const SimulatedGpuObject& self) { self.gpu->pause(); },
          "What is submitted from now on does not start before release().")
      .def(
          "release",
          [](const SimulatedGpuObject& self) { without_gil([&] { self.gpu->release(); }); },
          "Ends pause() and every hang.")
      .def(
          "lose_device",
          [](const SimulatedGpuObject& self) { without_gil([&] { self.gpu->lose_device(); }); },
          "Loses the device now.")
      .def(
          "fail_next_begin", [](const SimulatedGpuObject& self) { self.gpu->fail_next_begin(); },
          "The next acquire() raises BackendError.")
      .def(
          "advance",
          [](const SimulatedGpuObject& self, const Argument<"seconds", double>& seconds) {
            self.gpu->advance(from_seconds("seconds", seconds.value));
          },
          py::arg("seconds"), "Moves the clock forward: other CPU work between two calls.")
      .def_property_readonly(
          "now",
          [](const SimulatedGpuObject& self) {
            return seconds_of(self.gpu->now().time_since_epoch());
          },
          "The virtual time, in seconds.")
      .def("__repr__", [](const SimulatedGpuObject& self) {
        return fmt::format("<cbr.simulated.Gpu at {} s>",
                           seconds_of(self.gpu->now().time_since_epoch()));
      });
}

void bind_faults(py::module_& module) {
  py::class_<FaultInjectorObject, BackendObject>(
      module, "FaultInjector", "A backend that makes chosen calls of another one fail.")
      .def(py::init(&make_fault_injector), py::arg("backend"), py::kw_only(), py::arg("seed") = 0,
           py::arg("begin") = 0.0, py::arg("submit") = 0.0, py::arg("execution") = 0.0,
           py::arg("hang") = 0.0, py::arg("device_loss") = 0.0, py::arg("wait") = 0.0,
           py::arg("completed") = 0.0, py::arg("finish") = 0.0, py::arg("wake") = 0.0,
           py::arg("script") = std::vector<std::pair<std::string, std::uint64_t>>(),
           "Wraps a backend. The other numbers are probabilities of faults, 0 to 1, drawn from "
           "`seed`. `begin` and `submit` are refused, `execution` fails, a `hang` lasts until "
           "release(), `device_loss` is for good. `wait`, `completed`, `finish` and `wake` are "
           "calls that fail once, and may be made again. `script` names calls that fail for "
           "certain: (\"fail_submit\", 3) is the third submission.")
      .def(
          "fail_next",
          [](const FaultInjectorObject& self, const Argument<"fault", std::string>& fault) {
            self.faults->fail_next(fault_from(fault.value));
          },
          py::arg("fault"),
          "The next call that the fault concerns fails: \"fail_begin\", \"fail_submit\", "
          "\"fail_execution\", \"hang\", \"lose_device\", or, once and for this call alone, "
          "\"fail_wait\", \"fail_completed\", \"fail_finish\", \"fail_wake\".")
      .def(
          "hang_next", [](const FaultInjectorObject& self) { self.faults->hang_next(); },
          "The next submission does not end before release().")
      .def(
          "release",
          [](const FaultInjectorObject& self) { without_gil([&] { self.faults->release(); }); },
          "Ends every hang.")
      .def(
          "lose_device",
          [](const FaultInjectorObject& self, const Argument<"cause", std::string>& cause) {
            without_gil([&] { self.faults->lose_device(cause.value); });
          },
          py::arg("cause"), "Loses the device now; `cause` stands in the text of DeviceLost.")
      .def(
          "injected",
          [](const FaultInjectorObject& self, const Argument<"fault", std::string>& fault) {
            return self.faults->injected(fault_from(fault.value));
          },
          py::arg("fault"), "How many of a kind there were.")
      .def("__repr__", [](const FaultInjectorObject&) { return "<cbr.FaultInjector>"; });
  module.def(
      "validate",
      [](const py::object& inner) {
        BackendObject base = backend_from(inner);
        return BackendObject{validate(std::move(base.backend)), std::move(base.device)};
      },
      py::arg("backend"),
      "Wraps a backend in a check of the contract between it and the ring; a broken rule is "
      "printed and ends the program.");
}

}  // namespace

BackendObject backend_from(const py::object& given) {
  if (given.is_none()) return backend_from(py::str("vulkan"));
  if (py::isinstance<py::str>(given)) {
    const auto name = given.cast<std::string>();
    if (name == "simulated") return {simulated::make_gpu(), nullptr};
    if (name != "vulkan") {
      throw InvalidOption(
          fmt::format("backend is \"{}\", allowed are \"vulkan\", \"simulated\", a Device and a "
                      "Backend",
                      name));
    }
    auto device = device_from(py::none());
    return {vulkan::make_backend(device), device};
  }
  if (py::isinstance<vulkan::Device>(given)) {
    auto device = given.cast<std::shared_ptr<vulkan::Device>>();
    return {vulkan::make_backend(device), device};
  }
  if (py::isinstance<BackendObject>(given)) return given.cast<const BackendObject&>();
  wrong_type("backend", given, "a name, a Device or a Backend");
}

void bind_backends(py::module_& module) {
  py::class_<BackendObject>(module, "Backend", "What a ring runs on.")
      .def("__repr__", [](const BackendObject&) { return "<cbr.Backend>"; });
  bind_simulated(module);
  bind_faults(module);
}

void bind_simulate(py::module_& module) {
  module.def(
      "simulate",
      [](const Argument<"lease", LeaseObject*>& lease, const Argument<"encode", double>& encode,
         const Argument<"submit", double>& submit, const Argument<"execute", double>& execute,
         const Argument<"completion", double>& completion,
         const Argument<"fault", std::string>& fault) {
        simulated::record(lease.value->require(),
                          {.encode = from_seconds("encode", encode.value),
                           .submit = from_seconds("submit", submit.value),
                           .execute = from_seconds("execute", execute.value),
                           .completion = from_seconds("completion", completion.value),
                           .fault = fault_from(fault.value)});
      },
      py::arg("lease"), py::kw_only(), py::arg("encode") = 0.0, py::arg("submit") = 0.0,
      py::arg("execute") = 0.0, py::arg("completion") = 0.0, py::arg("fault") = "none",
      "Gives the lease's submission its timings, in seconds, and what goes wrong with it: "
      "\"fail_submit\", \"fail_execution\", \"hang\" or \"lose_device\".");
}

}  // namespace cbr::python
