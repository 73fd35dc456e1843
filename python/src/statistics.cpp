#include "statistics.h"

#include <fmt/format.h>

#include <cbr/statistics.h>

namespace cbr::python {
namespace {

namespace py = pybind11;

/// Calls `visit(name, member)` for every counter, in the order of statistics.h.
template <typename Visit>
void for_each_field(const Visit& visit) {
  using S = RingStatistics;
  visit("total_acquisitions", &S::total_acquisitions);
  visit("total_releases", &S::total_releases);
  visit("wait_events", &S::wait_events);
  visit("timeout_events", &S::timeout_events);
  visit("reuse_rate", &S::reuse_rate);
  visit("total_wait_ms", &S::total_wait_ms);
  visit("avg_wait_ms", &S::avg_wait_ms);
  visit("max_wait_ms", &S::max_wait_ms);
  visit("ring_size", &S::ring_size);
  visit("current_index", &S::current_index);
  visit("in_flight", &S::in_flight);
  visit("leased", &S::leased);
  visit("submissions", &S::submissions);
  visit("completions", &S::completions);
  visit("failures", &S::failures);
  visit("discarded", &S::discarded);
  visit("hang_warnings", &S::hang_warnings);
}

py::dict to_dict(const RingStatistics& statistics) {
  py::dict dict;
  for_each_field([&](const char* name, auto member) { dict[name] = statistics.*member; });
  return dict;
}

std::string describe(const RingStatistics& statistics) {
  std::string text = "RingStatistics(";
  bool first = true;
  for_each_field([&](const char* name, auto member) {
    text += fmt::format("{}{}={}", first ? "" : ", ", name, statistics.*member);
    first = false;
  });
  return text + ")";
}

}  // namespace

void bind_statistics(py::module_& module) {
  py::class_<RingStatistics> type(module, "RingStatistics",
                                  "The counters of a ring, all true at one moment.");
  for_each_field([&](const char* name, auto member) { type.def_readonly(name, member); });
  type.def("to_dict", &to_dict, "The counters by name, for JSON and the like.");
  type.def("__repr__", &describe);
}

}  // namespace cbr::python
