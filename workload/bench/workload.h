// What a benchmark runs: one round of steps through a ring.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <cbr/ring.h>
#include <cbr/types.h>

namespace cbr::bench {

/// Set from a signal handler or another thread to ask a run to end early.
using StopFlag = std::atomic<bool>;

/// What one round measured. All times are by the ring's clock, CommandBufferRing::now().
struct RoundSamples {
  /// False if the round was stopped before its end; its numbers then stand for nothing.
  bool complete = false;
  /// Tokens or steps done.
  std::uint64_t units = 0;
  /// From before the first acquire to after the last step has ended.
  std::chrono::nanoseconds wall{};
  /// When the GPU ran each step; shorter than `encode_us` where it is not known of all, as with
  /// GpuTimes::sampled, and empty where the device has no timestamps.
  std::vector<GpuInterval> gpu_intervals;
  /// For each step, the time from acquire's return to the call of submit, in microseconds.
  std::vector<double> encode_us;
  /// The time from one step to the next, in milliseconds.
  std::vector<double> step_ms;
  /// For each question, the time to its first token in milliseconds. Empty for work that has none.
  std::vector<double> ttft_ms;
  /// SHA-256 of what the round computed, in lower-case hexadecimal digits.
  std::string result_sha256;
  /// What the ring counted over this round.
  RingStatistics ring;
};

/// Who waits, where work of one queue needs what another queue has made.
enum class HandOver : std::uint8_t {
  /// The thread that submits: it waits for the first before it submits the second.
  host,
  /// The GPU, by SubmitOptions::after.
  gpu,
};

/// A kind of work that can be run through rings of different sizes, always with the same result.
class Workload {
 public:
  Workload() = default;
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;
  virtual ~Workload() = default;

  /// Runs one round through `ring` and waits for its end. Once `stop` is set it submits nothing
  /// more, waits for what is in flight and returns with `complete` false. Throws what the ring
  /// throws.
  virtual RoundSamples run_round(CommandBufferRing& ring, const StopFlag& stop) = 0;
  /// How the queues hand over in the rounds that follow; by the GPU at first. Means nothing to work
  /// of one queue.
  virtual void set_hand_over(HandOver /*hand_over*/) {}
};

}  // namespace cbr::bench
