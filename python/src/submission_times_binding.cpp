#include "submission_times_binding.h"

#include <string>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/submission_times.h>

#include "durations.h"

namespace cbr::python {
namespace {

namespace py = pybind11;

/// Calls `visit(name, member, documentation)` for every moment, in the order in which they come.
template <typename Visit>
void for_each_moment(const Visit& visit) {
  using T = SubmissionTimes;
  visit("acquire_begin", &T::acquire_begin,
        "When the program asked for the slot: for the first time, where its tries were in vain.");
  visit("slot_free", &T::slot_free,
        "When the slot had become free: its earlier work had ended on the GPU, or its lease was "
        "given up. None for a slot that was never used, and where nobody knows when the GPU was "
        "done.");
  visit("acquire_end", &T::acquire_end, "When the program got its lease.");
  visit("held_from", &T::held_from,
        "When the program submitted it, if it was held back from then on until submit_begin.");
  visit("submit_begin", &T::submit_begin,
        "When the driver was given the work, or the ring gathered it.");
  visit("submit_end", &T::submit_end, "When that was done.");
  visit("gathered_until", &T::gathered_until,
        "When the driver had the work, if it was gathered: `coalescing`.");
  visit("dependency_end", &T::dependency_end,
        "When the last of the submissions that it waited for had ended on the GPU, if that is "
        "known.");
  visit("noticed", &T::noticed, "When the ring noticed that it had ended.");
}

std::string times_repr(const SubmissionTimes& times) {
  std::string text;
  for_each_moment([&](const char* name, auto member, const char*) {
    const auto moment = moment_of(times.*member);
    if (moment) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, *moment);
  });
  return fmt::format("<cbr.SubmissionTimes {}{}>", text, times.waited ? ", waited" : "");
}

void bind_host_interval(py::module_& module) {
  py::class_<HostInterval>(module, "HostInterval",
                           "When the GPU ran a submission, by the host's clock, in seconds.")
      .def_property_readonly(
          "start",
          [](const HostInterval& self) { return seconds_of(self.start.time_since_epoch()); },
          "When the first command began.")
      .def_property_readonly(
          "end", [](const HostInterval& self) { return seconds_of(self.end.time_since_epoch()); },
          "When the last command had ended.")
      .def_property_readonly(
          "deviation", [](const HostInterval& self) { return seconds_of(self.deviation); },
          "Both may be off by so many seconds, in either direction.")
      .def("__repr__", [](const HostInterval& self) {
        return fmt::format("<cbr.HostInterval from {} to {}, ±{} s>",
                           seconds_of(self.start.time_since_epoch()),
                           seconds_of(self.end.time_since_epoch()), seconds_of(self.deviation));
      });
}

}  // namespace

void bind_submission_times(py::module_& module) {
  bind_host_interval(module);
  py::class_<SubmissionTimes> type(
      module, "SubmissionTimes",
      "The story of one submission. Moments are seconds of the clock that waits count by: on Linux "
      "time.monotonic(), on the simulated GPU its virtual one, in the order of the attributes. "
      "None "
      "where nobody noted it, and at the very start of a virtual clock.");
  for_each_moment([&](const char* name, auto member, const char* documentation) {
    type.def_property_readonly(
        name, [member](const SubmissionTimes& self) { return moment_of(self.*member); },
        documentation);
  });
  type.def_property_readonly(
          "gpu", [](const SubmissionTimes& self) { return self.gpu; },
          "When the GPU ran it, a HostInterval; None where that is not known by the host's clock.")
      .def_readonly("waited", &SubmissionTimes::waited,
                    "Whether the program had to wait for the slot.")
      .def_readonly("held_for_dependency", &SubmissionTimes::held_for_dependency,
                    "Whether it was held back for other submissions, and not for its turn.")
      .def_readonly("has_foreign_waits", &SubmissionTimes::has_foreign_waits,
                    "Whether it waited on the GPU for semaphores or events of the program's.")
      .def("__repr__", &times_repr);
}

}  // namespace cbr::python
