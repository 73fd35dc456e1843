#include "bench/gate.h"

#include <algorithm>

#include "bench/rank_sum.h"

namespace cbr::bench {
namespace {

/// Of the test between what is demanded and what was measured.
std::optional<double> p_of(const MetricChange& change, double percent) {
  const std::size_t a = change.baseline_rounds.size();
  const std::size_t b = change.candidate_rounds.size();
  if (a == 0 || b == 0 || smallest_mann_whitney_p(a, b) > noise_level) return std::nullopt;
  std::vector<double> demanded = change.baseline_rounds;
  for (double& rate : demanded) rate *= 1.0 + percent / 100.0;
  return mann_whitney_p(demanded, change.candidate_rounds);
}

}  // namespace

std::vector<GateResult> judge_gate(const CompareReport& report, double percent) {
  std::vector<GateResult> results;
  for (const MetricChange& change : report.changes) {
    if (!change.is_rate || !change.percent) continue;
    GateResult result{.change = change, .p = p_of(change, percent)};
    if (*change.percent >= percent) {
      result.outcome = GateOutcome::passed;
    } else if (result.p && *result.p <= noise_level) {
      result.outcome = GateOutcome::failed;
    }
    results.push_back(std::move(result));
  }
  return results;
}

GateOutcome outcome_of(const std::vector<GateResult>& results) {
  const auto has = [&](GateOutcome outcome) {
    return std::any_of(results.begin(), results.end(),
                       [&](const GateResult& result) { return result.outcome == outcome; });
  };
  if (has(GateOutcome::failed)) return GateOutcome::failed;
  return has(GateOutcome::undecided) ? GateOutcome::undecided : GateOutcome::passed;
}

}  // namespace cbr::bench
