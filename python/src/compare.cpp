#include "compare.h"

#include <filesystem>

#include <pybind11/stl.h>

#include "bench/compare.h"
#include "bench/compare_input.h"
#include "bench/compare_table.h"
#include "gil.h"

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

}  // namespace

void bind_compare(py::module_& module) {
  py::class_<bench::MetricChange>(module, "MetricChange",
                                  "One metric of one ring size in both files.")
      .def_readonly("ring_size", &bench::MetricChange::ring_size)
      .def_readonly("baseline_ring_size", &bench::MetricChange::baseline_ring_size)
      .def_readonly("metric", &bench::MetricChange::metric)
      .def_readonly("is_rate", &bench::MetricChange::is_rate)
      .def_readonly("baseline", &bench::MetricChange::baseline)
      .def_readonly("candidate", &bench::MetricChange::candidate)
      .def_readonly("percent", &bench::MetricChange::percent)
      .def_readonly("p", &bench::MetricChange::p)
      .def_property_readonly(
          "judgement", [](const bench::MetricChange& self) { return name_of(self.judgement); });
  py::class_<bench::CompareReport>(module, "CompareReport",
                                   "Two results of cbr bench side by side.")
      .def_readonly("warnings", &bench::CompareReport::warnings)
      .def_readonly("only_in_baseline", &bench::CompareReport::only_in_baseline)
      .def_readonly("only_in_candidate", &bench::CompareReport::only_in_candidate)
      .def_readonly("changes", &bench::CompareReport::changes)
      .def("table", &bench::compare_table, "The table that cbr compare prints.");
  module.def(
      "compare",
      [](const std::string& baseline, const std::string& candidate) {
        return without_gil([&] {
          return bench::compare(bench::read_comparable_result(baseline),
                                bench::read_comparable_result(candidate));
        });
      },
      py::arg("baseline"), py::arg("candidate"));
}

}  // namespace cbr::python
