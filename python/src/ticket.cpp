#include "ticket.h"

#include <optional>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/ticket.h>

#include "durations.h"
#include "errors.h"
#include "gil.h"

namespace cbr::python {
namespace {

std::vector<Ticket> tickets_from(const py::iterable& given) {
  std::vector<Ticket> tickets;
  for (const py::handle& each : given) tickets.push_back(each.cast<const Ticket&>());
  return tickets;
}

void call_on_complete(const Ticket& ticket, py::function callback) {
  const SharedObject shared = share(std::move(callback));
  without_gil([&] {
    ticket.on_complete(
        [shared](const Ticket& ended) { with_gil([&] { (*shared)(py::cast(ended)); }); });
  });
}

std::string describe(const Ticket& ticket) {
  const char* state = "in flight";
  if (without_gil([&] { return ticket.done(); })) state = "done";
  return fmt::format("<cbr.Ticket of slot {}, queue {}, serial {}, {}>", to_number(ticket.slot()),
                     to_number(ticket.queue()), ticket.serial().value(), state);
}

void bind_interval(py::module_& module) {
  py::class_<GpuInterval>(
      module, "GpuInterval",
      "When the GPU ran a submission, in nanoseconds of the device's own clock.")
      .def_property_readonly("start", [](const GpuInterval& self) { return self.start.count(); })
      .def_property_readonly("end", [](const GpuInterval& self) { return self.end.count(); })
      .def_property_readonly(
          "duration", [](const GpuInterval& self) { return (self.end - self.start).count(); })
      .def("__eq__",
           [](const GpuInterval& self, const GpuInterval& other) { return self == other; })
      .def("__hash__",
           [](const GpuInterval& self) {
             return py::hash(py::make_tuple(self.start.count(), self.end.count()));
           })
      .def("__repr__", [](const GpuInterval& self) {
        return fmt::format("GpuInterval(start={}, end={})", self.start.count(), self.end.count());
      });
}

}  // namespace

void bind_ticket(py::module_& module) {
  bind_interval(module);
  py::class_<Ticket>(module, "Ticket",
                     "The receipt of a submission. Can be awaited; outlives its ring.")
      .def(
          "wait",
          [](const Ticket& self, const std::optional<double>& timeout) {
            return without_gil([&] {
              if (timeout) return self.wait_for(from_seconds(*timeout));
              self.wait();
              return true;
            });
          },
          py::arg("timeout") = std::nullopt,
          "Waits until the work has ended, at most `timeout` seconds. False if it is still in "
          "flight then; raises what the work failed with.")
      .def_property_readonly(
          "done", [](const Ticket& self) { return without_gil([&] { return self.done(); }); },
          "True once the work has ended, well or not.")
      .def_property_readonly(
          "error",
          [](const Ticket& self) {
            return exception_object(without_gil([&] { return self.error(); }));
          },
          "The exception that the work failed with; None if it went well or has not ended.")
      .def_property_readonly(
          "gpu_interval",
          [](const Ticket& self) { return without_gil([&] { return self.gpu_interval(); }); },
          "When the GPU ran it; None until it has ended, and where the device can't tell.")
      .def(
          "on_complete", &call_on_complete, py::arg("callback"),
          "Calls `callback(ticket)` once the work has ended, well or not: on the ring's completion "
          "thread, or at once if it has ended already. It must not wait for a slot.")
      .def_property_readonly("slot", [](const Ticket& self) { return to_number(self.slot()); })
      .def_property_readonly("queue", [](const Ticket& self) { return to_number(self.queue()); })
      .def_property_readonly("serial", [](const Ticket& self) { return self.serial().value(); })
      .def(
          "__await__",
          [](const py::object& self) {
            return py::module_::import("cbr._asyncio").attr("completion")(self).attr("__await__")();
          })
      .def("__repr__", &describe);
  module.def(
      "wait_any",
      [](const py::iterable& given, const std::optional<double>& timeout) {
        const auto tickets = tickets_from(given);
        return without_gil([&] { return wait_any_for(tickets, from_seconds_or_forever(timeout)); });
      },
      py::arg("tickets"), py::arg("timeout") = std::nullopt,
      "Waits until one of the tickets has ended, well or not, and returns its index; None if none "
      "has within `timeout` seconds.");
  module.def(
      "wait_all",
      [](const py::iterable& given, const std::optional<double>& timeout) {
        const auto tickets = tickets_from(given);
        return without_gil([&] { return wait_all_for(tickets, from_seconds_or_forever(timeout)); });
      },
      py::arg("tickets"), py::arg("timeout") = std::nullopt,
      "Waits until all tickets have ended, then raises the failure of the first that failed. False "
      "if one is still in flight after `timeout` seconds.");
}

}  // namespace cbr::python
