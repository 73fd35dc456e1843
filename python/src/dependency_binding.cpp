#include "dependency_binding.h"

#include <string>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/ticket.h>

#include "argument.h"

namespace cbr::python {
namespace {

IfFailed if_failed_from(const std::string& name) {
  if (name == "fail") return IfFailed::fail;
  if (name == "run") return IfFailed::run;
  throw InvalidOption(fmt::format("if_failed is \"{}\", allowed are \"fail\" and \"run\"", name));
}

const char* name_of(IfFailed if_failed) {
  return if_failed == IfFailed::run ? "run" : "fail";
}

Dependency dependency_from(const py::handle& given) {
  if (py::isinstance<Ticket>(given)) return {given.cast<Ticket>()};
  if (py::isinstance<Dependency>(given)) return given.cast<Dependency>();
  wrong_type("after", given, "a Ticket or a Dependency");
}

}  // namespace

Dependencies dependencies_from(const py::object& given) {
  Dependencies dependencies;
  if (given.is_none()) return dependencies;
  const bool single = py::isinstance<Ticket>(given) || py::isinstance<Dependency>(given);
  // A ticket is no iterable, but can be awaited.
  if (single || !py::isinstance<py::iterable>(given)) {
    dependencies.add(dependency_from(given));
    return dependencies;
  }
  for (const py::handle& each : given) dependencies.add(dependency_from(each));
  return dependencies;
}

void bind_dependency(py::module_& module) {
  py::class_<Dependency>(module, "Dependency", "One submission that another waits for, and how.")
      .def(py::init([](const Argument<"ticket", Ticket>& ticket,
                       const Argument<"if_failed", std::string>& if_failed,
                       const Argument<"allow_host_wait", bool>& allow_host_wait) {
             return Dependency(ticket.value, {.if_failed = if_failed_from(if_failed.value),
                                              .allow_host_wait = allow_host_wait.value});
           }),
           py::arg("ticket"), py::kw_only(), py::arg("if_failed") = "fail",
           py::arg("allow_host_wait") = false,
           "`if_failed` is what becomes of the dependant if that work fails: \"fail\", or \"run\" "
           "all "
           "the same. `allow_host_wait`: where the GPU can't wait for it, since it is another "
           "device's, the dependant is held back until the host has seen its end.")
      .def_property_readonly(
          "ticket", [](const Dependency& self) { return self.ticket(); },
          "The submission to wait for.")
      .def_property_readonly(
          "if_failed", [](const Dependency& self) { return name_of(self.options().if_failed); },
          "What becomes of the dependant if that work fails.")
      .def_property_readonly(
          "allow_host_wait", [](const Dependency& self) { return self.options().allow_host_wait; },
          "Whether the host may wait where the GPU can't.")
      .def("__repr__", [](const Dependency& self) {
        return fmt::format("<cbr.Dependency on slot {}, if_failed=\"{}\", allow_host_wait={}>",
                           to_number(self.ticket().slot()), name_of(self.options().if_failed),
                           self.options().allow_host_wait ? "True" : "False");
      });
}

}  // namespace cbr::python
