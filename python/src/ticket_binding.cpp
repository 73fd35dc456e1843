#include "ticket_binding.h"

#include <optional>
#include <vector>

#include <fmt/format.h>

#include <cbr/ticket.h>

#include "argument.h"
#include "durations.h"
#include "errors_binding.h"
#include "gil.h"

namespace cbr::python {
namespace {

/// Copies: while the GIL is free the Python objects may go.
using Tickets = Argument<"tickets", std::vector<Ticket>>;
using Timeout = Argument<"timeout", std::optional<double>>;

void call_on_complete(const Ticket& ticket, const Argument<"callback", py::function>& callback) {
  const SharedObject shared = share(callback.value);
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
      .def_property_readonly(
          "start", [](const GpuInterval& self) { return self.start.count(); },
          "When it started, in nanoseconds.")
      .def_property_readonly(
          "end", [](const GpuInterval& self) { return self.end.count(); },
          "When it ended, in nanoseconds.")
      .def_property_readonly(
          "duration", [](const GpuInterval& self) { return (self.end - self.start).count(); },
          "From start to end, in nanoseconds.")
      .def(
          "__eq__", [](const GpuInterval& self, const GpuInterval& other) { return self == other; },
          py::is_operator())
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
          [](const Ticket& self, const Timeout& timeout) {
            const auto limit = timeout_or_forever(timeout.value);
            return without_gil([&] {
              if (timeout.value) return self.wait_for(limit);
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
      .def_property_readonly(
          "slot", [](const Ticket& self) { return to_number(self.slot()); },
          "The slot that the work had.")
      .def_property_readonly(
          "queue", [](const Ticket& self) { return to_number(self.queue()); },
          "The queue that it was submitted to.")
      .def_property_readonly(
          "serial", [](const Ticket& self) { return self.serial().value(); },
          "Its number among the submissions of its queue, from 1 on; 0 while a Sequence holds it "
          "back.")
      .def(
          "__await__",
          [](const py::object& self) {
            return py::module_::import("cbr._asyncio").attr("completion")(self).attr("__await__")();
          },
          "Waits in asyncio without blocking the loop; raises what the work failed with.")
      .def("__repr__", &describe);
  module.def(
      "wait_any",
      [](const Tickets& tickets, const Timeout& timeout) {
        const auto limit = timeout_or_forever(timeout.value);
        return without_gil([&] { return wait_any_for(tickets.value, limit); });
      },
      py::arg("tickets"), py::arg("timeout") = std::nullopt,
      "Waits until one of the tickets has ended, well or not, and returns its index; None if none "
      "has within `timeout` seconds.");
  module.def(
      "wait_all",
      [](const Tickets& tickets, const Timeout& timeout) {
        const auto limit = timeout_or_forever(timeout.value);
        return without_gil([&] { return wait_all_for(tickets.value, limit); });
      },
      py::arg("tickets"), py::arg("timeout") = std::nullopt,
      "Waits until all tickets have ended, then raises the failure of the first that failed. False "
      "if one is still in flight after `timeout` seconds.");
}

}  // namespace cbr::python
