#include "bench/compare_table.h"

#include <cmath>

#include <fmt/format.h>

#include "bench/text_table.h"

namespace cbr::bench {
namespace {

std::string value_text(const MetricChange& change, double value) {
  if (change.metric == "GPU busy") return fmt::format("{:.1f} %", value * 100.0);
  return fmt::format("{:.{}f}", value, value >= 1000 ? 0 : (value >= 10 ? 2 : 3));
}

std::string p_text(const MetricChange& change) {
  if (!change.p) return "–";
  return *change.p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", *change.p);
}

std::string judgement_text(Judgement judgement) {
  switch (judgement) {
    case Judgement::better:
      return "better";
    case Judgement::worse:
      return "worse";
    case Judgement::noise:
      return "within noise";
    case Judgement::too_few_rounds:
      break;
  }
  return "too few rounds";
}

std::string sizes_text(const std::vector<std::uint32_t>& sizes) {
  std::string text;
  for (const std::uint32_t size : sizes)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", size);
  return text;
}

}  // namespace

std::string percent_text(double percent) {
  const std::string digits = fmt::format("{:.1f}", std::abs(percent));
  const char* sign = percent < 0 ? "−" : "+";
  return fmt::format("{}{} %", digits == "0.0" ? "±" : sign, digits);
}

std::string compare_table(const CompareReport& report) {
  std::string text;
  for (const std::string& warning : report.warnings) text += "Warning: " + warning + ".\n";
  if (!report.warnings.empty()) text += '\n';

  TextTable table({"ring", "metric", "baseline", "candidate", "change", "p", "judgement"});
  std::size_t tested = 0;
  bool too_few = false;
  for (const MetricChange& change : report.changes) {
    if (change.p) ++tested;
    too_few = too_few || change.judgement == Judgement::too_few_rounds;
    table.add_row({fmt::format("{}", change.ring_size), change.metric,
                   value_text(change, change.baseline), value_text(change, change.candidate),
                   change.percent ? percent_text(*change.percent) : "–", p_text(change),
                   judgement_text(change.judgement)});
  }
  text += table.text() + '\n';
  if (!report.only_in_baseline.empty()) {
    text +=
        fmt::format("Only in the baseline: ring size {}.\n", sizes_text(report.only_in_baseline));
  }
  if (!report.only_in_candidate.empty()) {
    text +=
        fmt::format("Only in the candidate: ring size {}.\n", sizes_text(report.only_in_candidate));
  }
  if (tested > 0) {
    text += fmt::format(
        "Judged by the Mann-Whitney U test on the rounds at the 5 % level: of {} such tests, about "
        "{:.1f} "
        "would find a change where there is none.\n",
        tested, static_cast<double>(tested) * noise_level);
  }
  if (too_few) text += "Too few rounds: the test needs at least 4 in each file.\n";
  return text;
}

}  // namespace cbr::bench
