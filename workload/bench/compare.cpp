#include "bench/compare.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <cbr/errors.h>

#include "bench/condition_changes.h"
#include "bench/rank_sum.h"

namespace cbr::bench {
namespace {

struct Metric {
  const char* name;
  bool more_is_better;
};

/// In the order in which they are shown.
constexpr std::array<Metric, 6> metrics = {{{rate_metric, true},
                                            {"ttft ms", false},
                                            {"step ms", false},
                                            {"GPU busy", true},
                                            {"idle gap µs", false},
                                            {"encode µs", false}}};

/// More are no help to a reader.
constexpr std::size_t most_conditions = 20;

constexpr const char* other_results = "the two computed different results (tokensSha256)";

const MeasuredRun* find_run(const ComparableResult& result, std::uint32_t ring_size) {
  const auto found =
      std::find_if(result.runs.begin(), result.runs.end(),
                   [&](const MeasuredRun& run) { return run.ring_size == ring_size; });
  return found == result.runs.end() ? nullptr : &*found;
}

void judge(const MeasuredValue& baseline, const MeasuredValue& candidate, bool more_is_better,
           MetricChange& change) {
  const std::size_t a = baseline.samples.size();
  const std::size_t b = candidate.samples.size();
  if (a == 0 || b == 0 || smallest_mann_whitney_p(a, b) > noise_level) return;
  change.p = mann_whitney_p(baseline.samples, candidate.samples);
  if (*change.p > noise_level || change.candidate == change.baseline) {
    change.judgement = Judgement::noise;
  } else {
    const bool is_more = change.candidate > change.baseline;
    change.judgement = is_more == more_is_better ? Judgement::better : Judgement::worse;
  }
}

MetricChange change_of(const Metric& metric, const std::string& unit, const MeasuredValue& baseline,
                       const MeasuredValue& candidate) {
  MetricChange change;
  change.is_rate = std::string_view(metric.name) == rate_metric;
  change.metric = change.is_rate ? unit + "/s" : metric.name;
  change.baseline = baseline.value;
  change.candidate = candidate.value;
  if (baseline.value != 0.0) change.percent = (candidate.value / baseline.value - 1.0) * 100.0;
  judge(baseline, candidate, metric.more_is_better, change);
  change.baseline_rounds = baseline.samples;
  change.candidate_rounds = candidate.samples;
  return change;
}

void add_changes(const MeasuredRun& before, const MeasuredRun& after, const std::string& unit,
                 CompareReport& report) {
  for (const Metric& metric : metrics) {
    const auto a = before.metrics.find(metric.name);
    const auto b = after.metrics.find(metric.name);
    if (a == before.metrics.end() || b == after.metrics.end()) continue;
    MetricChange change = change_of(metric, unit, a->second, b->second);
    change.ring_size = after.ring_size;
    change.baseline_ring_size = before.ring_size;
    report.changes.push_back(std::move(change));
  }
}

/// Where each file has one ring size, and not the same: these.
std::optional<RingSizes> single_sizes(const ComparableResult& baseline,
                                      const ComparableResult& candidate) {
  if (baseline.runs.size() != 1 || candidate.runs.size() != 1) return std::nullopt;
  const RingSizes sizes{.baseline = baseline.runs.front().ring_size,
                        .candidate = candidate.runs.front().ring_size};
  if (sizes.baseline == sizes.candidate) return std::nullopt;
  return sizes;
}

const MeasuredRun& run_of(const ComparableResult& result, std::uint32_t ring_size) {
  if (const MeasuredRun* run = find_run(result, ring_size)) return *run;
  std::vector<std::uint32_t> sizes;
  sizes.reserve(result.runs.size());
  for (const MeasuredRun& run : result.runs) sizes.push_back(run.ring_size);
  throw InputError(fmt::format("{} has no ring size {}, it has {}", result.file, ring_size,
                               fmt::join(sizes, ", ")));
}

void compare_sizes(const ComparableResult& baseline, const ComparableResult& candidate,
                   RingSizes sizes, CompareReport& report) {
  const MeasuredRun& before = run_of(baseline, sizes.baseline);
  const MeasuredRun& after = run_of(candidate, sizes.candidate);
  if (before.ring_size != after.ring_size) {
    report.warnings.push_back(fmt::format("the ring size differs: {} in {}, {} in {}",
                                          before.ring_size, baseline.file, after.ring_size,
                                          candidate.file));
  }
  add_changes(before, after, baseline.unit, report);
  if (before.tokens_sha256 != after.tokens_sha256) report.warnings.emplace_back(other_results);
}

void warn_of_conditions(const ComparableResult& baseline, const ComparableResult& candidate,
                        CompareReport& report) {
  if (baseline.conditions && candidate.conditions) {
    const ConditionChanges changes =
        find_condition_changes(*baseline.conditions, *candidate.conditions, most_conditions);
    for (const ConditionChange& change : changes.first) {
      report.warnings.push_back(fmt::format("{} differs: {} in {}, {} in {}", change.name,
                                            change.baseline, baseline.file, change.candidate,
                                            candidate.file));
    }
    if (changes.more > 0) {
      report.warnings.push_back(fmt::format("{} more condition{} differ{}", changes.more,
                                            changes.more == 1 ? "" : "s",
                                            changes.more == 1 ? "s" : ""));
    }
  }
  for (const ComparableResult* each : {&baseline, &candidate}) {
    if (!each->complete) {
      report.warnings.push_back(fmt::format("{} was stopped before its end", each->file));
    }
  }
}

}  // namespace

CompareReport compare(const ComparableResult& baseline, const ComparableResult& candidate,
                      std::optional<RingSizes> sizes) {
  if (!baseline.unit.empty() && !candidate.unit.empty() && baseline.unit != candidate.unit) {
    throw InputError(fmt::format("{} counts {} and {} counts {}: they can't be compared",
                                 baseline.file, baseline.unit, candidate.file, candidate.unit));
  }
  CompareReport report;
  warn_of_conditions(baseline, candidate, report);
  if (!sizes) sizes = single_sizes(baseline, candidate);
  if (sizes) {
    compare_sizes(baseline, candidate, *sizes, report);
    return report;
  }
  bool same_results = true;
  for (const MeasuredRun& before : baseline.runs) {
    const MeasuredRun* after = find_run(candidate, before.ring_size);
    if (after == nullptr) {
      report.only_in_baseline.push_back(before.ring_size);
      continue;
    }
    same_results = same_results && before.tokens_sha256 == after->tokens_sha256;
    add_changes(before, *after, baseline.unit, report);
  }
  for (const MeasuredRun& after : candidate.runs) {
    if (find_run(baseline, after.ring_size) == nullptr) {
      report.only_in_candidate.push_back(after.ring_size);
    }
  }
  if (report.changes.empty()) {
    throw InputError(
        fmt::format("no ring size is in both {} and {}", baseline.file, candidate.file));
  }
  if (!same_results) {
    report.warnings.emplace_back(other_results);
  }
  return report;
}

}  // namespace cbr::bench
