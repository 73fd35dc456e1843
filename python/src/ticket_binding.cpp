#include "ticket_binding.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
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
using Limit = Argument<"timeout", std::optional<double>>;

/// Guarded by the GIL. The garbage collector need not know what the callback refers to: until the
/// work has ended the ring refers to it too, and afterwards nobody does.
class CallbackHandleObject {
 public:
  explicit CallbackHandleObject(CallbackHandle handle) : handle_(std::move(handle)) {}

  bool cancel() {
    // Out of its place first: while the GIL is free another thread may call this too, or the
    // callback itself, for which the call below waits.
    CallbackHandle handle = std::move(handle_);
    return without_gil([&] { return handle.cancel(); });
  }
  [[nodiscard]] bool valid() const { return handle_.valid(); }

 private:
  CallbackHandle handle_;
};

std::unique_ptr<CallbackHandleObject> call_on_complete(
    const Ticket& ticket, const Argument<"callback", py::function>& callback) {
  // A copy of the ticket: while the GIL is free the Python object may go.
  return without_gil([ticket, shared = share(callback.value)] {
    return std::make_unique<CallbackHandleObject>(ticket.on_complete(
        [shared](const Ticket& ended) { with_gil([&] { (*shared)(py::cast(ended)); }); }));
  });
}

std::string ticket_repr(const Ticket& ticket) {
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

void bind_callback_handle(py::module_& module) {
  py::class_<CallbackHandleObject>(
      module, "CallbackHandle",
      "Takes back a callback that was given to Ticket.on_complete(). To let go of it leaves the "
      "callback in place.")
      .def("cancel", &CallbackHandleObject::cancel,
           "Takes the callback back: True if it will never run. Waits where it is running on "
           "another thread. False then, after it has run, inside of it, and from the second call "
           "on.")
      .def_property_readonly("valid", &CallbackHandleObject::valid,
                             "True until cancel(); the callback may have run.")
      .def("__repr__", [](const CallbackHandleObject& self) {
        return self.valid() ? "<cbr.CallbackHandle>" : "<cbr.CallbackHandle, cancelled>";
      });
}

}  // namespace

void bind_ticket(py::module_& module) {
  bind_interval(module);
  bind_callback_handle(module);
  py::class_<Ticket>(module, "Ticket",
                     "The receipt of a submission. Can be awaited; outlives its ring.")
      .def(
          "wait",
          [](const Ticket& self, const Limit& timeout) {
            const Timeout limit = timeout_from(timeout.value);
            return without_gil([&, ticket = self] { return ticket.wait_for(limit); });
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
          "When the GPU ran it; None until it has ended, where gpu_times doesn't ask for it, and "
          "where the device can't tell.")
      .def_property_readonly(
          "gpu_end",
          [](const Ticket& self) -> std::optional<std::int64_t> {
            const auto end = without_gil([&] { return self.gpu_end(); });
            return end ? std::optional<std::int64_t>(end->count()) : std::nullopt;
          },
          "When the GPU had ended it, in nanoseconds of the device's own clock: there with "
          "gpu_times=\"end\" too.")
      .def(
          "on_complete", &call_on_complete, py::arg("callback"),
          "Calls `callback(ticket)` once the work has ended, well or not: on the ring's completion "
          "thread, or at once if it has ended already. It must not wait for a slot. The result "
          "takes it back; let go of it where that is not needed.")
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
      .def("__repr__", &ticket_repr);
  module.def(
      "wait_any",
      [](const Tickets& tickets, const Limit& timeout) {
        const Timeout limit = timeout_from(timeout.value);
        return without_gil([&] { return wait_any_for(tickets.value, limit); });
      },
      py::arg("tickets"), py::arg("timeout") = std::nullopt,
      "Waits until one of the tickets has ended, well or not, and returns its index; None if none "
      "has within `timeout` seconds.");
  module.def(
      "wait_all",
      [](const Tickets& tickets, const Limit& timeout) {
        const Timeout limit = timeout_from(timeout.value);
        return without_gil([&] { return wait_all_for(tickets.value, limit); });
      },
      py::arg("tickets"), py::arg("timeout") = std::nullopt,
      "Waits until all tickets have ended, then raises the failure of the first that failed. False "
      "if one is still in flight after `timeout` seconds.");
}

}  // namespace cbr::python
