#include "backends.h"

#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include <cbr/errors.h>
#include <cbr/validation.h>

#include "durations.h"
#include "gil.h"
#include "lease.h"

namespace cbr::python {
namespace {

/// One device for all that ask for "vulkan": opening one takes up to a second, and buffers and
/// rings have to agree on it. Not to be shared with a forked child, whose driver would not work.
struct DefaultDevice {
  std::mutex mutex;
  pid_t process = 0;
  std::shared_ptr<vulkan::Device> device;
};
DefaultDevice& default_device_slot() {
  static auto& slot = *new DefaultDevice();
  return slot;
}

std::shared_ptr<vulkan::Device> default_device() {
  return without_gil([] {
    DefaultDevice& slot = default_device_slot();
    const std::lock_guard lock(slot.mutex);
    if (slot.process != getpid()) {
      // The parent's is left as it lies: destroying it would call the driver.
      if (slot.device) new std::shared_ptr<vulkan::Device>(std::move(slot.device));
      slot.device = nullptr;
      slot.process = getpid();
    }
    if (!slot.device) slot.device = vulkan::Device::open();
    return slot.device;
  });
}

std::shared_ptr<vulkan::Device> open_device(const py::object& device,
                                            const std::vector<double>& queues, bool validation) {
  vulkan::OpenOptions options;
  options.device = py::str(device).cast<std::string>();
  for (const double priority : queues) {
    options.queues.push_back({.family = std::nullopt, .priority = static_cast<float>(priority)});
  }
  options.validation = validation;
  return without_gil([&] { return vulkan::Device::open(options); });
}

py::dict info_of(const vulkan::DeviceInfo& info) {
  py::dict dict;
  dict["index"] = info.index;
  dict["name"] = info.name;
  dict["driver"] = info.driver;
  dict["api_version"] = info.api_version;
  dict["type"] = info.type;
  dict["timestamps"] = info.timestamps;
  dict["buffer_device_address"] = info.buffer_device_address;
  dict["why_unusable"] = info.why_unusable();
  return dict;
}

Fault fault_from(const std::string& name) {
  constexpr std::array<std::pair<const char*, Fault>, 5> faults = {
      {{"fail_begin", Fault::fail_begin},
       {"fail_submit", Fault::fail_submit},
       {"fail_execution", Fault::fail_execution},
       {"hang", Fault::hang},
       {"lose_device", Fault::lose_device}}};
  for (const auto& [each, fault] : faults) {
    if (name == each) return fault;
  }
  throw InvalidOption(
      fmt::format("there is no fault \"{}\"; there are \"fail_begin\", "
                  "\"fail_submit\", \"fail_execution\", \"hang\" and "
                  "\"lose_device\"",
                  name));
}

simulated::Fate fate_from(const std::string& name) {
  using simulated::Fate;
  constexpr std::array<std::pair<const char*, Fate>, 5> fates = {
      {{"succeed", Fate::succeed},
       {"fail_submit", Fate::fail_submit},
       {"fail_execution", Fate::fail_execution},
       {"lose_device", Fate::lose_device},
       {"hang", Fate::hang}}};
  for (const auto& [each, fate] : fates) {
    if (name == each) return fate;
  }
  throw InvalidOption(
      fmt::format("there is no fate \"{}\"; there are \"succeed\", "
                  "\"fail_submit\", \"fail_execution\", \"lose_device\" and \"hang\"",
                  name));
}

FaultInjectorObject make_fault_injector(
    const py::object& inner, std::uint64_t seed, double begin, double submit, double execution,
    double hang, double device_loss,
    const std::vector<std::pair<std::string, std::uint64_t>>& script) {
  BackendObject base = backend_from(inner);
  FaultPlan plan{.seed = seed,
                 .begin = begin,
                 .submit = submit,
                 .execution = execution,
                 .hang = hang,
                 .device_loss = device_loss,
                 .script = {}};
  for (const auto& [fault, call] : script) plan.script.push_back({fault_from(fault), call});
  auto faults = inject_faults(std::move(base.backend), std::move(plan));
  return {{faults, std::move(base.device)}, faults};
}

void bind_simulated(py::module_& module) {
  py::class_<SimulatedGpuObject, BackendObject>(
      module, "SimulatedGpu",
      "A GPU that exists only in numbers, with a virtual clock: waits take no time and come out "
      "exactly. For tests of your own loops.")
      .def(py::init([](std::uint32_t queue_count) {
             auto gpu = simulated::make_gpu(queue_count);
             return SimulatedGpuObject{{gpu, nullptr}, gpu};
           }),
           py::arg("queue_count") = 1)
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
          [](const SimulatedGpuObject& self, double seconds) {
            self.gpu->advance(from_seconds(seconds));
          },
          py::arg("seconds"), "Moves the clock forward: other CPU work between two calls.")
      .def_property_readonly(
          "now",
          [](const SimulatedGpuObject& self) {
            return std::chrono::duration<double>(self.gpu->now().time_since_epoch()).count();
          },
          "The virtual time, in seconds.");
  module.def(
      "simulate",
      [](LeaseObject& lease, double encode, double submit, double execute, double completion,
         const std::string& fate) {
        simulated::record(lease.require(), {.encode = from_seconds(encode),
                                            .submit = from_seconds(submit),
                                            .execute = from_seconds(execute),
                                            .completion = from_seconds(completion),
                                            .fate = fate_from(fate)});
      },
      py::arg("lease"), py::kw_only(), py::arg("encode") = 0.0, py::arg("submit") = 0.0,
      py::arg("execute") = 0.0, py::arg("completion") = 0.0, py::arg("fate") = "succeed",
      "Gives the lease's submission its timings, in seconds, and its fate.");
}

void bind_faults(py::module_& module) {
  py::class_<FaultInjectorObject, BackendObject>(
      module, "FaultInjector", "A backend that makes chosen calls of another one fail.")
      .def(py::init(&make_fault_injector), py::arg("backend"), py::kw_only(), py::arg("seed") = 0,
           py::arg("begin") = 0.0, py::arg("submit") = 0.0, py::arg("execution") = 0.0,
           py::arg("hang") = 0.0, py::arg("device_loss") = 0.0,
           py::arg("script") = std::vector<std::pair<std::string, std::uint64_t>>())
      .def(
          "fail_next",
          [](const FaultInjectorObject& self, const std::string& fault) {
            self.faults->fail_next(fault_from(fault));
          },
          py::arg("fault"))
      .def("hang_next", [](const FaultInjectorObject& self) { self.faults->hang_next(); })
      .def("release",
           [](const FaultInjectorObject& self) { without_gil([&] { self.faults->release(); }); })
      .def(
          "lose_device",
          [](const FaultInjectorObject& self, std::string cause) {
            without_gil([&] { self.faults->lose_device(std::move(cause)); });
          },
          py::arg("cause"))
      .def(
          "injected",
          [](const FaultInjectorObject& self, const std::string& fault) {
            return self.faults->injected(fault_from(fault));
          },
          py::arg("fault"));
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
    auto device = default_device();
    return {vulkan::make_backend(device), device};
  }
  if (py::isinstance<vulkan::Device>(given)) {
    auto device = given.cast<std::shared_ptr<vulkan::Device>>();
    return {vulkan::make_backend(device), device};
  }
  if (py::isinstance<BackendObject>(given)) return given.cast<const BackendObject&>();
  throw py::type_error(fmt::format("backend is {}, a name, a Device or a Backend is needed",
                                   py::repr(given).cast<std::string>()));
}

std::shared_ptr<vulkan::Device> device_from(const py::object& given) {
  if (given.is_none()) return default_device();
  if (py::isinstance<vulkan::Device>(given)) return given.cast<std::shared_ptr<vulkan::Device>>();
  throw py::type_error(
      fmt::format("device is {}, a Device or None is needed", py::repr(given).cast<std::string>()));
}

void drop_default_device() noexcept {
  DefaultDevice& slot = default_device_slot();
  const std::lock_guard lock(slot.mutex);
  if (slot.process == getpid()) slot.device.reset();
}

void bind_backends(py::module_& module) {
  py::class_<vulkan::Device, std::shared_ptr<vulkan::Device>>(
      module, "Device", "An open Vulkan device; rings and buffers of one device work together.")
      .def(py::init(&open_device), py::arg("device") = "", py::kw_only(),
           py::arg("queues") = std::vector<double>(), py::arg("validation") = false,
           "Opens a device: an index or a part of a name as list_devices() has them; empty for the "
           "best. `queues` holds a priority from 0 to 1 for each queue.")
      .def_property_readonly("info",
                             [](const vulkan::Device& self) { return info_of(self.info()); })
      .def_property_readonly("name", [](const vulkan::Device& self) { return self.info().name; })
      .def_property_readonly("queue_count",
                             [](const vulkan::Device& self) { return self.queue_count(); })
      .def("__repr__", [](const vulkan::Device& self) {
        return fmt::format("<cbr.Device \"{}\", {} queue(s)>", self.info().name,
                           self.queue_count());
      });
  module.def(
      "list_devices",
      [] {
        const auto devices = without_gil([] { return vulkan::list_devices(); });
        py::list list;
        for (const auto& device : devices) list.append(info_of(device));
        return list;
      },
      "The Vulkan devices of this machine.");
  module.def("default_device", &default_device,
             "The device that backend=\"vulkan\" and device=None stand for.");
  const py::class_<BackendObject> backend_class(module, "Backend", "What a ring runs on.");
  bind_simulated(module);
  bind_faults(module);
}

}  // namespace cbr::python
