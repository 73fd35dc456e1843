#include "statistics_binding.h"

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/statistics.h>

#include "gpu_activity_binding.h"
#include "html_table.h"

namespace cbr::python {
namespace {

namespace py = pybind11;

constexpr const char* gpu_documentation =
    "A GpuActivity: how busy the GPU was and why it was idle. None until work has ended whose "
    "start "
    "and end the GPU noted: with gpu_times=\"both\", on a device with timestamps.";

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
  visit("oldest_lease_ms", &S::oldest_lease_ms,
        "Milliseconds that the oldest of these has been held; 0 where there is none, or nobody "
        "knows.");
  visit("oldest_lease_slot", &S::oldest_lease_slot, "Its slot.");
  visit("submissions", &S::submissions, "Submissions that the driver accepted.");
  visit("coalesced", &S::coalesced,
        "How many of them went to the driver in one native submission with an earlier one.");
  visit("completions", &S::completions, "Submissions that ended well.");
  visit("failures", &S::failures,
        "Submissions that ended in an error, those lost with the device included.");
  visit("discarded", &S::discarded,
        "Leases that ended without a submission, failed submissions included.");
  visit("hang_warnings", &S::hang_warnings,
        "Reports of work in flight for longer than hang_warning_ms.");
  visit("hanging", &S::hanging,
        "Slots whose work is in flight, or held back, for longer than hang_warning_ms now.");
}

py::dict to_dict(const RingStatistics& statistics) {
  py::dict dict;
  for_each_field(
      [&](const char* name, auto member, const char*) { dict[name] = statistics.*member; });
  dict["gpu"] = py::none();
  if (statistics.gpu) dict["gpu"] = gpu_activity_dict(*statistics.gpu);
  py::list by_queue;
  for (const GpuActivity& activity : statistics.gpu_by_queue) {
    by_queue.append(gpu_activity_dict(activity));
  }
  dict["gpu_by_queue"] = by_queue;
  return dict;
}

/// For pickle and copy.
py::dict state_of(const RingStatistics& statistics) {
  py::dict state = to_dict(statistics);
  // Itself, which is exact.
  state["gpu"] = statistics.gpu;
  state["gpu_by_queue"] = statistics.gpu_by_queue;
  return state;
}

std::string statistics_repr(const RingStatistics& statistics) {
  std::string text = "RingStatistics(";
  bool first = true;
  for_each_field([&](const char* name, auto member, const char*) {
    text += fmt::format("{}{}={}", first ? "" : ", ", name, statistics.*member);
    first = false;
  });
  return text +
         fmt::format(", gpu={})", statistics.gpu ? gpu_activity_repr(*statistics.gpu) : "None");
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
  const auto busy = [&] {
    return fmt::format("busy {:.1f} %", 100 * statistics.gpu->busy_fraction());
  };
  table.add_row({"gpu", statistics.gpu ? busy() : "None", "How busy the GPU was."});
  std::string by_queue;
  for (const GpuActivity& activity : statistics.gpu_by_queue) {
    by_queue += fmt::format("{}{:.1f} %", by_queue.empty() ? "busy " : ", ",
                            100 * activity.busy_fraction());
  }
  table.add_row({"gpu_by_queue", by_queue.empty() ? "[]" : by_queue, "The same of each queue."});
  return table.text() + (statistics.gpu ? gpu_activity_html(*statistics.gpu) : "");
}

RingStatistics from_state(const py::dict& values) {
  RingStatistics statistics;
  for_each_field([&](const char* name, auto member, const char*) {
    using Value = std::remove_reference_t<decltype(statistics.*member)>;
    // Absent in what was pickled before there was any.
    if (values.contains(name)) statistics.*member = values[name].cast<Value>();
  });
  if (values.contains("gpu_by_queue")) {
    statistics.gpu_by_queue = values["gpu_by_queue"].cast<std::vector<GpuActivity>>();
  }
  if (values.contains("gpu")) statistics.gpu = values["gpu"].cast<std::optional<GpuActivity>>();
  return statistics;
}

}  // namespace

void bind_statistics(py::module_& module) {
  py::class_<RingStatistics> type(module, "RingStatistics",
                                  "The counters of a ring, all true at one moment.");
  for_each_field([&](const char* name, auto member, const char* documentation) {
    type.def_readonly(name, member, documentation);
  });
  type.def_readonly("gpu", &RingStatistics::gpu, gpu_documentation);
  type.def_readonly(
      "gpu_by_queue", &RingStatistics::gpu_by_queue,
      "What each queue has of that, a list of GpuActivity by the queue's index. Empty "
      "where there is one queue, or no `gpu`.");
  type.def("to_dict", &to_dict,
           "The counters by name, for JSON and the like; `gpu` is a dict of its own, or None.");
  type.def(py::pickle(&state_of, &from_state));
  type.def("__repr__", &statistics_repr);
  type.def("_repr_html_", &statistics_html);
}

}  // namespace cbr::python
