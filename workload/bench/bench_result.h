// The result of a benchmark, as it is written, shown and judged.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <cbr/statistics.h>

#include "bench/paired_speedup.h"
#include "bench/sample_summary.h"

namespace cbr::bench {

/// The version of the result file's form. It grows when a reader of older files would misread a new
/// one.
inline constexpr int schema_version = 1;

/// The machine and the program that measured.
struct SystemInfo {
  std::string os;
  std::string kernel;
  std::string cpu;
  std::uint32_t cores = 0;
  std::uint64_t memory_bytes = 0;
  std::string cbr_version;
  std::string compiler;
  std::string build_type;
};

/// The device that ran the work.
struct DeviceDescription {
  /// "vulkan" or "simulated"
  std::string backend;
  std::string name;
  std::string driver;
  std::string api_version;
  std::string type;
};

/// The settings of a run that generates text.
struct DecodeConfig {
  std::string model;
  std::string prompts;
  std::uint32_t questions = 0;
  std::uint32_t max_tokens = 0;
};

/// The settings of a run of synthetic steps.
struct SyntheticConfig {
  /// Steps in one round.
  std::uint32_t steps = 0;
  std::uint32_t dispatches = 0;
  /// Four-float vectors that each dispatch works on.
  std::uint32_t elements = 0;
  /// Multiply-adds on each of them.
  std::uint32_t iterations = 0;
  /// Through so many a step passes.
  std::uint32_t queues = 1;
};

/// The times that a simulated device was told to take, in microseconds. By default those of a small
/// step on a fast GPU, by which the GPU is busy 44 % of the time without overlap.
struct SimulatedTimes {
  /// CPU time to record one step.
  double encode_us = 20.0;
  /// CPU time of one submit call.
  double submit_us = 5.0;
  /// GPU time of one step.
  double gpu_us = 44.0;
  /// From the end of the work on the GPU until the host can see it.
  double completion_us = 31.0;
};

/// What was asked of a run. Exactly one of decode and synthetic is set; simulated goes with the
/// latter.
struct BenchConfig {
  std::vector<std::uint32_t> ring_sizes;
  std::uint32_t rounds = 0;
  std::optional<DecodeConfig> decode;
  std::optional<SyntheticConfig> synthetic;
  std::optional<SimulatedTimes> simulated;

  /// What the rate counts: "tokens" or "steps".
  [[nodiscard]] std::string unit() const { return decode ? "tokens" : "steps"; }
};

/// The gaps between a GPU's submissions.
struct IdleGaps {
  std::uint64_t count = 0;
  /// Microseconds; 0 if there was no gap.
  double median_us = 0.0;
  double p99_us = 0.0;
};

/// What the GPU did over all measured rounds.
struct GpuSummary {
  /// The union of the GPU's intervals over the wall time, 0 to 1. Empty, as the gaps, where the
  /// times of some steps are not known, and as the next two where the device has no timestamps.
  std::optional<double> busy_fraction;
  std::optional<IdleGaps> idle_gaps;
  /// The median time that the GPU took for a submission, in microseconds.
  std::optional<double> execute_us;
  /// The median time that recording a step took on the CPU, in microseconds.
  double encode_us = 0.0;
};

/// One number for each complete round, so that results can be compared with a test. Vectors that
/// the workload or the device has nothing for are empty.
struct RoundSeries {
  std::vector<double> units_per_sec;
  std::vector<double> ttft_ms;
  std::vector<double> step_ms;
  std::vector<double> busy_fraction;
  std::vector<double> idle_gap_us;
  std::vector<double> encode_us;
};

/// What one ring size measured over all its complete rounds.
struct RunResult {
  std::uint32_t ring_size = 0;
  std::uint32_t rounds = 0;
  /// Of all tokens as little-endian 32-bit numbers, or of the synthetic data's checksum.
  std::string tokens_sha256;
  /// Tokens or steps a second, over the rounds.
  SampleSummary units_per_sec;
  /// Over all questions of all rounds; empty for synthetic steps.
  std::optional<SampleSummary> ttft_ms;
  /// Over all steps of all rounds.
  SampleSummary step_ms;
  /// Counters are sums over the rounds, the rates and averages follow from them, and the momentary
  /// values (current_index, in_flight, leased) are those of the last round.
  RingStatistics ring;
  GpuSummary gpu;
  RoundSeries samples;
};

/// One ring size set against the first.
struct Comparison {
  std::uint32_t ring_size = 0;
  std::uint32_t baseline = 0;
  Speedup speedup;
};

/// One ring size, where the host waited between the queues, against the GPU's waiting.
struct HandOverResult {
  std::uint32_t ring_size = 0;
  /// With the host's waiting.
  SampleSummary units_per_sec;
  std::optional<double> busy_fraction;
  /// Of the GPU's waiting over the host's.
  std::optional<Speedup> speedup;
};

/// A whole benchmark.
struct BenchResult {
  /// UTC, as in "2030-01-31T12:00:00Z".
  std::string timestamp;
  /// False if the run was stopped before its end; it then holds the complete rounds up to there.
  bool complete = false;
  BenchConfig config;
  SystemInfo system;
  DeviceDescription device;
  /// Ring sizes without a complete round are left out.
  std::vector<RunResult> runs;
  std::vector<Comparison> comparisons;
  /// One for each run of several queues, in the order of `runs`, where the GPU waits.
  std::vector<HandOverResult> hand_overs;
  /// Whether all runs and rounds computed the same.
  bool results_match = true;
  /// What overlapping bought, in one sentence.
  std::string verdict;
};

}  // namespace cbr::bench
