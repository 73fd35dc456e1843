// Sets a candidate's benchmark against a baseline's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bench/compare_input.h"

namespace cbr::bench {

/// The name of the metric that counts tokens or steps a second.
inline constexpr const char* rate_metric = "rate";

/// The level of the test: the share of comparisons without a real difference that look like one.
inline constexpr double noise_level = 0.05;

/// Whether a change is more than noise.
enum class Judgement {
  /// It may well be chance.
  noise,
  better,
  worse,
  /// There are too few rounds to tell, whatever they show.
  too_few_rounds,
};

/// One metric of one ring size in both files.
struct MetricChange {
  /// The candidate's.
  std::uint32_t ring_size = 0;
  /// The baseline's: another one where two single sizes are compared.
  std::uint32_t baseline_ring_size = 0;
  /// For people: "tokens/s", "step ms" and so on.
  std::string metric;
  bool is_rate = false;
  double baseline = 0.0;
  double candidate = 0.0;
  /// (candidate / baseline − 1) · 100; empty if the baseline is 0.
  std::optional<double> percent;
  /// Of the Mann-Whitney U test on the rounds; empty with too few of them.
  std::optional<double> p;
  Judgement judgement = Judgement::too_few_rounds;
  /// A number for each round of the baseline; may be empty.
  std::vector<double> baseline_rounds;
  /// The same of the candidate.
  std::vector<double> candidate_rounds;
};

/// Two results side by side.
struct CompareReport {
  /// What makes the comparison doubtful, one sentence each.
  std::vector<std::string> warnings;
  std::vector<std::uint32_t> only_in_baseline;
  std::vector<std::uint32_t> only_in_candidate;
  std::vector<MetricChange> changes;
};

/// Which ring size of each file.
struct RingSizes {
  std::uint32_t baseline = 0;
  std::uint32_t candidate = 0;
};

/// Compares every metric that both have, ring size by ring size. Where each file has one ring size,
/// and not the same, those two are compared and a warning says so: a baseline without a ring
/// against a ring. With `sizes`, these two are compared, and no others. A change is more than noise
/// if the rounds of the two files differ by the Mann-Whitney U test at the 5 % level. The test sees
/// the noise between the rounds of a file, not that between one run of the program and the next.
/// Throws InputError if one counts tokens and the other steps, no ring size is in both, or a file
/// lacks the one asked for.
[[nodiscard]] CompareReport compare(const ComparableResult& baseline,
                                    const ComparableResult& candidate,
                                    std::optional<RingSizes> sizes = std::nullopt);

}  // namespace cbr::bench
