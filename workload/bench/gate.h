// Whether the change of a rate misses what is demanded of it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "bench/compare.h"

namespace cbr::bench {

/// What a demand makes of a rate.
enum class GateOutcome : std::uint8_t {
  passed,
  failed,
  /// The medians miss it, but that may well be chance.
  undecided,
};

/// One rate and what a gate makes of it.
struct GateResult {
  MetricChange change;
  GateOutcome outcome = GateOutcome::undecided;
  /// Of the Mann-Whitney U test between the candidate and what is demanded; empty with too few
  /// rounds.
  std::optional<double> p;
};

/// A demand, in per cent, and what it makes of each rate.
struct Gate {
  double fail_below = 0.0;
  std::vector<GateResult> results;
};

/// Holds each rate of the report against the demand that it change by `percent` or more. A rate
/// passes if the medians meet the demand. It fails if they don't and the candidate's rounds differ
/// at the 5 % level from the baseline's changed by `percent`: the question is not whether there is
/// a change, but whether it lies below the demand. What is left is undecided.
[[nodiscard]] std::vector<GateResult> judge_gate(const CompareReport& report, double percent);

/// A failure if one failed, else undecided if one is.
[[nodiscard]] GateOutcome outcome_of(const std::vector<GateResult>& results);

}  // namespace cbr::bench
