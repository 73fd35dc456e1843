#include "compare_binding.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <pybind11/stl.h>

#include "bench/compare.h"
#include "bench/compare_input.h"
#include "bench/compare_table.h"
#include "gil.h"
#include "html_table.h"

namespace cbr::python {
namespace {

const char* name_of(bench::Judgement judgement) {
  switch (judgement) {
    case bench::Judgement::better:
      return "better";
    case bench::Judgement::worse:
      return "worse";
    case bench::Judgement::noise:
      return "within noise";
    case bench::Judgement::too_few_rounds:
      break;
  }
  return "too few rounds";
}

/// As `cbr compare` shows it.
std::string report_html(const bench::CompareReport& report) {
  std::string text;
  for (const std::string& warning : report.warnings) {
    text += "<p>Warning: " + html_text(warning) + ".</p>\n";
  }
  HtmlTable table({"ring", "metric", "baseline", "candidate", "change", "p", "judgement"});
  for (const bench::MetricChange& change : report.changes) {
    table.add_row({fmt::format("{}", change.ring_size), change.metric,
                   fmt::format("{:.4g}", change.baseline), fmt::format("{:.4g}", change.candidate),
                   change.percent ? bench::percent_text(*change.percent) : "–",
                   change.p ? fmt::format("{:.3f}", *change.p) : "–", name_of(change.judgement)});
  }
  return text + table.text();
}

}  // namespace

void bind_compare(py::module_& module) {
  py::class_<bench::MetricChange>(module, "MetricChange",
                                  "One metric of one ring size in both files.")
      .def_readonly("ring_size", &bench::MetricChange::ring_size, "The ring size in the candidate.")
      .def_readonly("baseline_ring_size", &bench::MetricChange::baseline_ring_size,
                    "That in the baseline, which it is compared with.")
      .def_readonly("metric", &bench::MetricChange::metric,
                    "Its name for people, \"tokens/s\" say.")
      .def_readonly("is_rate", &bench::MetricChange::is_rate,
                    "True for a throughput, of which more is better.")
      .def_readonly("baseline", &bench::MetricChange::baseline, "Its value in the baseline.")
      .def_readonly("candidate", &bench::MetricChange::candidate, "Its value in the candidate.")
      .def_readonly("percent", &bench::MetricChange::percent,
                    "The change in per cent; None from a baseline of 0.")
      .def_readonly("p", &bench::MetricChange::p,
                    "That of the Mann-Whitney U test on the rounds; None with too few of them.")
      .def_property_readonly(
          "judgement", [](const bench::MetricChange& self) { return name_of(self.judgement); },
          "\"better\", \"worse\", \"within noise\" or \"too few rounds\".")
      .def("__repr__", [](const bench::MetricChange& self) {
        return fmt::format("<cbr.bench.MetricChange {} at ring size {}: {} to {}, {}>", self.metric,
                           self.ring_size, self.baseline, self.candidate, name_of(self.judgement));
      });
  py::class_<bench::CompareReport>(module, "CompareReport",
                                   "Two results of cbr bench side by side.")
      .def_readonly("warnings", &bench::CompareReport::warnings,
                    "What makes the comparison doubtful, one line each.")
      .def_readonly("only_in_baseline", &bench::CompareReport::only_in_baseline,
                    "Ring sizes that the candidate lacks.")
      .def_readonly("only_in_candidate", &bench::CompareReport::only_in_candidate,
                    "Ring sizes that the baseline lacks.")
      .def_readonly("changes", &bench::CompareReport::changes,
                    "One MetricChange for each metric and ring size in both.")
      .def("table", &bench::compare_table, "The table that cbr compare prints.")
      .def("_repr_html_", &report_html)
      .def("__repr__", [](const bench::CompareReport& self) {
        return fmt::format("<cbr.bench.CompareReport of {} metrics>", self.changes.size());
      });
  module.def(
      "compare",
      [](const std::string& baseline, const std::string& candidate,
         std::optional<std::pair<std::uint32_t, std::uint32_t>> ring_sizes) {
        std::optional<bench::RingSizes> sizes;
        if (ring_sizes) {
          sizes = bench::RingSizes{.baseline = ring_sizes->first, .candidate = ring_sizes->second};
        }
        return without_gil([&] {
          return bench::compare(bench::read_comparable_result(baseline),
                                bench::read_comparable_result(candidate), sizes);
        });
      },
      py::arg("baseline"), py::arg("candidate"), py::arg("ring_sizes") = py::none(),
      "What cbr.bench.compare() calls.");
}

}  // namespace cbr::python
