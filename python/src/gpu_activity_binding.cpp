#include "gpu_activity_binding.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include "durations.h"
#include "html_table.h"
#include "text.h"

namespace cbr::python {
namespace {

namespace py = pybind11;
using std::chrono::nanoseconds;

GapCause cause_at(std::size_t index) {
  return static_cast<GapCause>(index);
}

py::dict by_name(const IdleByCause& idle) {
  py::dict dict;
  for (std::size_t i = 0; i < gap_cause_count; ++i) {
    dict[text_from(to_string(cause_at(i)))] = seconds_of(idle[cause_at(i)]);
  }
  return dict;
}

std::vector<std::pair<double, std::uint64_t>> classes_of(const GapHistogram& histogram) {
  std::vector<std::pair<double, std::uint64_t>> gaps;
  for (std::size_t i = 0; i < GapHistogram::size; ++i) {
    gaps.emplace_back(seconds_of(GapHistogram::bound(i)), histogram[i]);
  }
  return gaps;
}

/// Calls `visit(name, get, documentation)` for every attribute, in the order of gpu_activity.h.
template <typename Visit>
void for_each_attribute(const Visit& visit) {
  using A = GpuActivity;
  const auto seconds = [](auto member) {
    return [member](const A& self) { return seconds_of(self.*member); };
  };
  visit(
      "submissions", [](const A& self) { return self.submissions; },
      "Submissions whose times are counted here.");
  visit("busy_seconds", seconds(&A::busy), "Time in which a queue had something to run.");
  visit("idle_seconds", seconds(&A::idle), "Time in which it had not.");
  visit(
      "busy_fraction", [](const A& self) { return self.busy_fraction(); },
      "busy / (busy + idle), 0 to 1; 1 where both are 0.");
  visit(
      "idle_by_cause", [](const A& self) { return by_name(self.idle_by_cause); },
      "The idle seconds by their cause: \"application\", \"slot_wait\", \"wake_up\", \"encode\", "
      "\"submit\", \"dependency\", \"device\", \"unknown\". They add up to idle_seconds.");
  visit(
      "gaps", [](const A& self) { return self.gaps; }, "How many gaps there were.");
  visit(
      "gap_histogram", [](const A& self) { return classes_of(self.gap_histogram); },
      "The gaps by their length: pairs of a class's shortest gap, in seconds, and how many it "
      "has. A class reaches to the bound of the next.");
  visit(
      "queued_gaps", [](const A& self) { return self.queued_gaps; },
      "Of the gaps, those at whose beginning the GPU surely had the work that ends them already: "
      "the "
      "device's own pauses.");
  visit("queued_idle_seconds", seconds(&A::queued_idle), "How long these were.");
  visit(
      "idle_after_wait", [](const A& self) { return by_name(self.idle_after_wait); },
      "Of idle_by_cause, what belongs to gaps that end with a submission whose program had to wait "
      "for a slot: with a larger ring the host might have done it earlier.");
  visit("encode_seconds", seconds(&A::encode), "Host time from lease to submit; threads add up.");
  visit("submit_seconds", seconds(&A::submit), "Host time in the driver's submit calls, likewise.");
  visit("late_seconds", seconds(&A::late),
        "Host time in which slots were free already and the threads that waited had not got them, "
        "likewise.");
  visit(
      "peak_in_use", [](const A& self) { return self.peak_in_use; },
      "The most slots that were of use at one time; 0 where nobody knows.");
  visit(
      "queues", [](const A& self) { return self.queues; },
      "How many queues are added up, those without work included.");
}

std::string share_of(const GpuActivity& activity, nanoseconds time) {
  const auto whole = static_cast<double>((activity.busy + activity.idle).count());
  return whole > 0 ? fmt::format("{:.1f} %", 100 * static_cast<double>(time.count()) / whole) : "–";
}

// To the nanosecond, so that a copy is the same.
using Counts = std::vector<std::int64_t>;

Counts counts_of(const IdleByCause& idle) {
  Counts counts;
  for (std::size_t i = 0; i < gap_cause_count; ++i) counts.push_back(idle[cause_at(i)].count());
  return counts;
}

IdleByCause idle_from(const Counts& counts) {
  IdleByCause idle;
  const std::size_t known = std::min(counts.size(), gap_cause_count);
  for (std::size_t i = 0; i < known; ++i) idle[cause_at(i)] = nanoseconds(counts[i]);
  return idle;
}

/// For pickle and copy.
py::tuple state_of(const GpuActivity& self) {
  std::vector<std::uint64_t> histogram;
  for (std::size_t i = 0; i < GapHistogram::size; ++i) histogram.push_back(self.gap_histogram[i]);
  return py::make_tuple(self.submissions, self.busy.count(), self.idle.count(),
                        counts_of(self.idle_by_cause), self.gaps, histogram,
                        counts_of(self.idle_after_wait), self.encode.count(), self.submit.count(),
                        self.peak_in_use, self.queues, self.late.count(), self.queued_gaps,
                        self.queued_idle.count());
}

GpuActivity from_state(const py::tuple& state) {
  GpuActivity activity;
  activity.submissions = state[0].cast<std::uint64_t>();
  activity.busy = nanoseconds(state[1].cast<std::int64_t>());
  activity.idle = nanoseconds(state[2].cast<std::int64_t>());
  activity.idle_by_cause = idle_from(state[3].cast<Counts>());
  activity.gaps = state[4].cast<std::uint64_t>();
  const auto histogram = state[5].cast<std::vector<std::uint64_t>>();
  for (std::size_t i = 0; i < std::min(histogram.size(), GapHistogram::size); ++i) {
    activity.gap_histogram.add(GapHistogram::bound(i), histogram[i]);
  }
  activity.idle_after_wait = idle_from(state[6].cast<Counts>());
  activity.encode = nanoseconds(state[7].cast<std::int64_t>());
  activity.submit = nanoseconds(state[8].cast<std::int64_t>());
  activity.peak_in_use = state[9].cast<std::uint32_t>();
  activity.queues = state[10].cast<std::uint32_t>();
  // Absent in what was pickled before there was any.
  if (state.size() > 11) {
    activity.late = nanoseconds(state[11].cast<std::int64_t>());
    activity.queued_gaps = state[12].cast<std::uint64_t>();
    activity.queued_idle = nanoseconds(state[13].cast<std::int64_t>());
  }
  return activity;
}

}  // namespace

py::dict gpu_activity_dict(const GpuActivity& activity) {
  py::dict dict;
  for_each_attribute(
      [&](const char* name, const auto& get, const char*) { dict[name] = get(activity); });
  // As JSON has it: a list and no pair.
  py::list histogram;
  for (const auto& [bound, count] : classes_of(activity.gap_histogram)) {
    py::list pair;
    pair.append(bound);
    pair.append(count);
    histogram.append(pair);
  }
  dict["gap_histogram"] = histogram;
  return dict;
}

std::string gpu_activity_repr(const GpuActivity& activity) {
  std::string causes;
  for (std::size_t i = 0; i < gap_cause_count; ++i) {
    const nanoseconds time = activity.idle_by_cause[cause_at(i)];
    if (time.count() == 0) continue;
    causes += fmt::format("{}{}: {}", causes.empty() ? "" : ", ", to_string(cause_at(i)),
                          share_of(activity, time));
  }
  return fmt::format("<cbr.GpuActivity of {} submissions: busy {}{}{}>", activity.submissions,
                     share_of(activity, activity.busy), causes.empty() ? "" : "; ", causes);
}

std::string gpu_activity_html(const GpuActivity& activity) {
  HtmlTable table({"GPU", "seconds", "share", "after a wait"});
  const auto add = [&](std::string name, nanoseconds time, std::string after_wait) {
    table.add_row({std::move(name), fmt::format("{:.6f}", seconds_of(time)),
                   share_of(activity, time), std::move(after_wait)});
  };
  add("busy", activity.busy, "");
  add("idle", activity.idle, share_of(activity, activity.idle_after_wait.total()));
  for (std::size_t i = 0; i < gap_cause_count; ++i) {
    const GapCause cause = cause_at(i);
    if (activity.idle_by_cause[cause].count() == 0) continue;
    add(fmt::format("idle: {}", to_string(cause)), activity.idle_by_cause[cause],
        share_of(activity, activity.idle_after_wait[cause]));
  }
  return table.text();
}

void bind_gpu_activity(py::module_& module) {
  py::class_<GpuActivity> type(
      module, "GpuActivity",
      "How busy a ring kept its GPU, and why it was idle: from the start of the first submission "
      "to the end of the newest that has ended. Queues are added up. Times are seconds.");
  for_each_attribute([&](const char* name, const auto& get, const char* documentation) {
    type.def_property_readonly(name, get, documentation);
  });
  type.def("to_dict", &gpu_activity_dict, "The attributes by name, for JSON and the like.")
      .def(py::pickle(&state_of, &from_state))
      .def(
          "__eq__", [](const GpuActivity& self, const GpuActivity& other) { return self == other; },
          py::is_operator())
      .def("__repr__", &gpu_activity_repr)
      .def("_repr_html_", &gpu_activity_html);
}

}  // namespace cbr::python
