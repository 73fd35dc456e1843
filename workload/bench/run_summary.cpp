#include "bench/run_summary.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "bench/gpu_timeline.h"
#include "bench/verdict.h"

namespace cbr::bench {
namespace {

double microseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e3;
}

double seconds(std::chrono::nanoseconds time) {
  return static_cast<double>(time.count()) / 1e9;
}

void append(std::vector<double>& all, const std::vector<double>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

/// Adds what the GPU did in one round to that of those before it: the queues are the same ones, and
/// the most slots that were of use at one time are the most of any round.
void add_round(GpuActivity& sum, const GpuActivity& round) {
  const std::uint32_t peak = std::max(sum.peak_in_use, round.peak_in_use);
  const std::uint32_t queues = std::max(sum.queues, round.queues);
  sum += round;
  sum.peak_in_use = peak;
  sum.queues = queues;
}

/// Empty where no round knows.
std::optional<GpuActivity> add_up_activity(const std::vector<RoundSamples>& rounds) {
  std::optional<GpuActivity> sum;
  for (const RoundSamples& round : rounds) {
    if (!round.ring.gpu) continue;
    if (!sum) sum.emplace();
    add_round(*sum, *round.ring.gpu);
  }
  return sum;
}

/// The same of each queue.
std::vector<GpuActivity> add_up_by_queue(const std::vector<RoundSamples>& rounds) {
  std::vector<GpuActivity> sums;
  for (const RoundSamples& round : rounds) {
    const std::vector<GpuActivity>& queues = round.ring.gpu_by_queue;
    sums.resize(std::max(sums.size(), queues.size()));
    for (std::size_t i = 0; i < queues.size(); ++i) add_round(sums[i], queues[i]);
  }
  return sums;
}

/// Sums up what several rings of one size have counted.
RingStatistics add_up(const std::vector<RoundSamples>& rounds) {
  RingStatistics sum = rounds.back().ring;
  sum.total_acquisitions = sum.total_releases = sum.wait_events = sum.timeout_events = 0;
  sum.coalesced = 0;
  sum.submissions = sum.completions = sum.failures = sum.discarded = sum.hang_warnings = 0;
  sum.total_wait_ms = sum.max_wait_ms = 0.0;
  for (const RoundSamples& round : rounds) {
    sum.total_acquisitions += round.ring.total_acquisitions;
    sum.total_releases += round.ring.total_releases;
    sum.wait_events += round.ring.wait_events;
    sum.timeout_events += round.ring.timeout_events;
    sum.submissions += round.ring.submissions;
    sum.coalesced += round.ring.coalesced;
    sum.completions += round.ring.completions;
    sum.failures += round.ring.failures;
    sum.discarded += round.ring.discarded;
    sum.hang_warnings += round.ring.hang_warnings;
    sum.total_wait_ms += round.ring.total_wait_ms;
    sum.max_wait_ms = std::max(sum.max_wait_ms, round.ring.max_wait_ms);
  }
  sum.gpu = add_up_activity(rounds);
  sum.gpu_by_queue = add_up_by_queue(rounds);
  sum.avg_wait_ms =
      sum.wait_events == 0 ? 0.0 : sum.total_wait_ms / static_cast<double>(sum.wait_events);
  sum.reuse_rate = 1.0;
  if (sum.total_acquisitions > 0) {
    const auto acquisitions = static_cast<double>(sum.total_acquisitions);
    sum.reuse_rate =
        std::max(0.0, (acquisitions - static_cast<double>(sum.wait_events)) / acquisitions);
  }
  return sum;
}

/// Collects the GPU's side of several rounds.
class GpuSums {
 public:
  void add(const RoundSamples& round, RoundSeries& series) {
    for (const GpuInterval& each : round.gpu_intervals) {
      executions_us_.push_back(microseconds(each.end - each.start));
    }
    // A step whose times are not known would look like an idle GPU.
    const bool is_whole = round.gpu_intervals.size() == round.encode_us.size();
    if (!is_whole || round.gpu_intervals.empty() || round.wall.count() <= 0) return;
    const GpuTimeline timeline = build_gpu_timeline(round.gpu_intervals);
    std::vector<double> gaps;
    gaps.reserve(timeline.idle_gaps.size());
    for (const std::chrono::nanoseconds gap : timeline.idle_gaps) gaps.push_back(microseconds(gap));
    series.busy_fraction.push_back(seconds(timeline.busy) / seconds(round.wall));
    series.idle_gap_us.push_back(median(gaps));
    append(gaps_us_, gaps);
    busy_ += timeline.busy;
    wall_ += round.wall;
  }

  [[nodiscard]] GpuSummary summary() const {
    GpuSummary gpu;
    if (!executions_us_.empty()) gpu.execute_us = median(executions_us_);
    if (wall_.count() == 0) return gpu;
    const SampleSummary gaps = summarize(gaps_us_);
    gpu.busy_fraction = seconds(busy_) / seconds(wall_);
    gpu.idle_gaps =
        IdleGaps{.count = gaps_us_.size(), .median_us = gaps.median, .p99_us = gaps.p99};
    return gpu;
  }

 private:
  std::chrono::nanoseconds busy_{};
  std::chrono::nanoseconds wall_{};
  std::vector<double> gaps_us_;
  std::vector<double> executions_us_;
};

}  // namespace

std::optional<RunResult> summarize_run(const RingRecord& record) {
  if (record.rounds.empty()) return std::nullopt;
  RunResult run;
  run.ring_size = record.ring_size;
  run.rounds = static_cast<std::uint32_t>(record.rounds.size());
  run.tokens_sha256 = record.rounds.front().result_sha256;
  run.ring = add_up(record.rounds);

  GpuSums gpu;
  std::vector<double> all_encode_us;
  std::vector<double> all_step_ms;
  std::vector<double> all_ttft_ms;
  for (const RoundSamples& round : record.rounds) {
    const double wall = seconds(round.wall);
    run.samples.units_per_sec.push_back(wall > 0 ? static_cast<double>(round.units) / wall : 0.0);
    run.samples.encode_us.push_back(median(round.encode_us));
    run.samples.step_ms.push_back(median(round.step_ms));
    if (!round.ttft_ms.empty()) run.samples.ttft_ms.push_back(median(round.ttft_ms));
    gpu.add(round, run.samples);
    append(all_encode_us, round.encode_us);
    append(all_step_ms, round.step_ms);
    append(all_ttft_ms, round.ttft_ms);
  }
  run.units_per_sec = summarize(run.samples.units_per_sec);
  run.step_ms = summarize(all_step_ms);
  if (!all_ttft_ms.empty()) run.ttft_ms = summarize(all_ttft_ms);
  run.gpu = gpu.summary();
  run.gpu.encode_us = median(all_encode_us);
  return run;
}

std::vector<Comparison> compare_runs(std::span<const RunResult> runs) {
  std::vector<Comparison> comparisons;
  for (std::size_t i = 1; i < runs.size(); ++i) {
    const std::optional<Speedup> speedup =
        paired_speedup(runs[0].samples.units_per_sec, runs[i].samples.units_per_sec);
    if (!speedup) continue;
    comparisons.push_back(
        {.ring_size = runs[i].ring_size, .baseline = runs[0].ring_size, .speedup = *speedup});
  }
  return comparisons;
}

std::optional<HandOverResult> summarize_hand_over(const RingRecord& record) {
  const std::optional<RunResult> gpu = summarize_run(record);
  const std::optional<RunResult> host = summarize_run({.ring_size = record.ring_size,
                                                       .rounds = record.host_rounds,
                                                       .host_rounds = {},
                                                       .recording = {}});
  if (!gpu || !host) return std::nullopt;
  return HandOverResult{
      .ring_size = record.ring_size,
      .units_per_sec = host->units_per_sec,
      .busy_fraction = host->gpu.busy_fraction,
      .speedup = paired_speedup(host->samples.units_per_sec, gpu->samples.units_per_sec)};
}

bool results_match(const RunRecord& record) {
  const std::string* expected = nullptr;
  for (const RingRecord& ring : record.rings) {
    for (const RoundSamples& round : ring.rounds) {
      if (expected == nullptr) expected = &round.result_sha256;
      if (round.result_sha256 != *expected) return false;
    }
    for (const RoundSamples& round : ring.host_rounds) {
      if (expected != nullptr && round.result_sha256 != *expected) return false;
    }
  }
  return true;
}

void add_measurements(const RunRecord& record, BenchResult& result) {
  result.complete = record.complete;
  result.results_match = results_match(record);
  result.runs.clear();
  result.hand_overs.clear();
  for (const RingRecord& ring : record.rings) {
    if (std::optional<RunResult> run = summarize_run(ring)) result.runs.push_back(std::move(*run));
    if (const auto hand_over = summarize_hand_over(ring)) result.hand_overs.push_back(*hand_over);
  }
  // Speed-ups are over the first ring size asked for. A stopped run may lack it.
  const bool has_baseline = !result.runs.empty() && !record.rings.empty() &&
                            result.runs.front().ring_size == record.rings.front().ring_size;
  result.comparisons = has_baseline ? compare_runs(result.runs) : std::vector<Comparison>{};
  result.verdict = verdict(result);
}

}  // namespace cbr::bench
