#include "diagnosis_binding.h"

#include <cstdint>
#include <string>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include <cbr/diagnosis.h>
#include <cbr/errors.h>

#include "argument.h"
#include "html_table.h"

namespace cbr::python {
namespace {

/// The kind of that name. Throws InvalidOption, which lists the names, for another: with a name
/// that is misspelt a finding would never be there.
FindingKind kind_from(const std::string& name) {
  std::string names;
  for (std::uint8_t i = 0; to_string(FindingKind{i}) != "?"; ++i) {
    const FindingKind kind{i};
    if (to_string(kind) == name) return kind;
    names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", to_string(kind));
  }
  throw InvalidOption(fmt::format("kind is \"{}\", allowed are {}", name, names));
}

std::string diagnosis_html(const Diagnosis& self) {
  HtmlTable table({"finding", "GPU idle", "what is the case", "what to do"});
  for (const Finding& finding : self.findings) {
    const auto share = finding.idle_share;
    table.add_row({std::string(to_string(finding.kind)),
                   share ? fmt::format("{:.1f} %", 100 * *share) : "–", finding.text,
                   finding.action});
  }
  return table.text();
}

std::string kinds_of(const Diagnosis& self) {
  std::string kinds;
  for (const Finding& finding : self.findings) {
    kinds.append(kinds.empty() ? "" : ", ").append(to_string(finding.kind));
  }
  return kinds;
}

}  // namespace

void bind_diagnosis(py::module_& module) {
  py::class_<Finding>(module, "Finding", "One thing that was found.")
      .def_property_readonly(
          "kind", [](const Finding& self) { return std::string(to_string(self.kind)); },
          "What it is: \"nothing_to_gain\", \"gpu_bound\", \"ring_too_small\", "
          "\"ring_larger_than_used\", \"encode_bound\", \"application_bound\", "
          "\"small_submissions\", \"late_wake_up\", \"submit_bound\", \"dependency_bound\", "
          "\"gpu_used_by_others\", \"suspected_hang\", \"leases_held\", \"leak\", \"no_times\" or "
          "\"too_little\".")
      .def_readonly("text", &Finding::text, "What is the case, with the figures that say so.")
      .def_readonly("action", &Finding::action, "What to do about it.")
      .def_readonly("idle_share", &Finding::idle_share,
                    "The share of the time that the GPU stood idle because of it, 0 to 1; None "
                    "where that is not what it is about.")
      .def("__repr__", [](const Finding& self) {
        return fmt::format("<cbr.Finding {}: {}>", to_string(self.kind), self.text);
      });
  py::class_<Diagnosis>(
      module, "Diagnosis",
      "All that was found, what costs the most first; there is always something. str() has it in "
      "words.")
      .def_readonly("findings", &Diagnosis::findings, "What was found, a list of Finding.")
      .def(
          "has",
          [](const Diagnosis& self, const Argument<"kind", std::string>& kind) {
            return self.has(kind_from(kind.value));
          },
          py::arg("kind"), "Whether a finding of that kind is among them.")
      .def("text", &Diagnosis::text, "The findings in words, a paragraph each.")
      .def("__str__", &Diagnosis::text)
      .def("__repr__",
           [](const Diagnosis& self) { return fmt::format("<cbr.Diagnosis: {}>", kinds_of(self)); })
      .def("_repr_html_", &diagnosis_html);
  module.def(
      "diagnose",
      [](const Argument<"statistics", RingStatistics*>& statistics,
         const Argument<"leaked", std::uint64_t>& leaked) {
        return diagnose(*statistics.value, leaked.value);
      },
      py::arg("statistics"), py::arg("leaked") = 0,
      "What the figures of a ring mean, a Diagnosis: judged by the causes of idle time, and not by "
      "how often the program waited. `leaked` is how many Ring.leaked() names.");
}

}  // namespace cbr::python
