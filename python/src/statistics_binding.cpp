#include "statistics_binding.h"

#include <string>
#include <type_traits>

#include <fmt/format.h>

#include <cbr/statistics.h>

#include "html_table.h"

namespace cbr::python {
namespace {

namespace py = pybind11;

/// Calls `visit(name, member, documentation)` for every counter, in the order of statistics.h.
template <typename Visit>
void for_each_field(const Visit& visit) {
  using S = RingStatistics;
  visit("total_acquisitions", &S::total_acquisitions, "Leases handed out.");
  visit("total_releases", &S::total_releases, "Leases that ended, by submission or discard.");
  visit("wait_events", &S::wait_events,
        "Acquisitions that found no slot free, those that timed out in the end included; but not "
        "try_acquire() without a timeout.");
  visit("timeout_events", &S::timeout_events, "Acquisitions that reached their limit, be it zero.");
  visit("reuse_rate", &S::reuse_rate,
        "(total_acquisitions - wait_events) / total_acquisitions, 0 to 1; 1 before the first.");
  visit("total_wait_ms", &S::total_wait_ms, "Milliseconds spent in those waits, over all threads.");
  visit("avg_wait_ms", &S::avg_wait_ms, "total_wait_ms / wait_events; 0 without waits.");
  visit("max_wait_ms", &S::max_wait_ms, "Milliseconds of the longest wait.");
  visit("ring_size", &S::ring_size, "Slots of the ring.");
  visit("current_index", &S::current_index,
        "The slot at which the search for the next free slot starts.");
  visit("in_flight", &S::in_flight, "Slots whose work was submitted and has not ended.");
  visit("leased", &S::leased, "Slots that a lease holds.");
  visit("submissions", &S::submissions, "Submissions that the driver accepted.");
  visit("completions", &S::completions, "Submissions that ended well.");
  visit("failures", &S::failures,
        "Submissions that ended in an error, those lost with the device included.");
  visit("discarded", &S::discarded,
        "Leases that ended without a submission, failed submissions included.");
  visit("hang_warnings", &S::hang_warnings,
        "Reports of work in flight for longer than hang_warning_ms.");
}

py::dict to_dict(const RingStatistics& statistics) {
  py::dict dict;
  for_each_field(
      [&](const char* name, auto member, const char*) { dict[name] = statistics.*member; });
  return dict;
}

std::string statistics_repr(const RingStatistics& statistics) {
  std::string text = "RingStatistics(";
  bool first = true;
  for_each_field([&](const char* name, auto member, const char*) {
    text += fmt::format("{}{}={}", first ? "" : ", ", name, statistics.*member);
    first = false;
  });
  return text + ")";
}

std::string statistics_html(const RingStatistics& statistics) {
  HtmlTable table({"counter", "value", ""});
  for_each_field([&](const char* name, auto member, const char* documentation) {
    using Value = std::remove_cvref_t<decltype(statistics.*member)>;
    const auto value = statistics.*member;
    table.add_row({name,
                   std::is_floating_point_v<Value>
                       ? fmt::format("{:.3f}", static_cast<double>(value))
                       : fmt::format("{}", value),
                   documentation});
  });
  return table.text();
}

/// For pickle and copy.
RingStatistics from_dict(const py::dict& values) {
  RingStatistics statistics;
  for_each_field([&](const char* name, auto member, const char*) {
    using Value = std::remove_reference_t<decltype(statistics.*member)>;
    statistics.*member = values[name].cast<Value>();
  });
  return statistics;
}

}  // namespace

void bind_statistics(py::module_& module) {
  py::class_<RingStatistics> type(module, "RingStatistics",
                                  "The counters of a ring, all true at one moment.");
  for_each_field([&](const char* name, auto member, const char* documentation) {
    type.def_readonly(name, member, documentation);
  });
  type.def("to_dict", &to_dict, "The counters by name, for JSON and the like.");
  type.def(py::pickle(&to_dict, &from_dict));
  type.def("__repr__", &statistics_repr);
  type.def("_repr_html_", &statistics_html);
}

}  // namespace cbr::python
