// From the measurements of a run to its result.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "bench/bench_result.h"
#include "bench/bench_run.h"

namespace cbr::bench {

/// Summarises the rounds of one ring size. Empty if it has no complete round.
[[nodiscard]] std::optional<RunResult> summarize_run(const RingRecord& record);

/// Sets each run against the first. Rounds pair up by their position.
[[nodiscard]] std::vector<Comparison> compare_runs(std::span<const RunResult> runs);

/// Sets the rounds of one ring size against those with HandOver::host. Empty without such rounds.
[[nodiscard]] std::optional<HandOverResult> summarize_hand_over(const RingRecord& record);

/// Whether every round of every ring size computed the same.
[[nodiscard]] bool results_match(const RunRecord& record);

/// Fills in what follows from the measurements: runs, comparisons, hand_overs, results_match,
/// complete and, from these and the device's name, the verdict.
void add_measurements(const RunRecord& record, BenchResult& result);

}  // namespace cbr::bench
