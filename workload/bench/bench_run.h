// Runs a workload through rings of several sizes, interleaved.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include <cbr/backend.h>
#include <cbr/options.h>
#include <cbr/recording.h>

#include "bench/workload.h"

namespace cbr::bench {

/// Which rings to run, and how often.
struct RunPlan {
  /// Ring sizes, the baseline first.
  std::vector<std::uint32_t> ring_sizes;
  /// How often each of them runs.
  std::uint32_t rounds = 1;
  /// Everything else about the rings. By default an acquire that takes a minute counts as hung and
  /// the run fails. A ring of one slot reserves none.
  RingOptions options = {.timeout = std::chrono::minutes(1), .name = "bench"};
  /// Whether each of them runs once more in each round, with HandOver::host.
  bool compares_hand_overs = false;
  /// Whether what the rings do is recorded.
  bool records = false;
};

/// Throws InvalidOption if the plan's options don't fit a ring of this size.
void check_ring_size(const RunPlan& plan, std::uint32_t ring_size);

/// The complete rounds of one ring size.
struct RingRecord {
  std::uint32_t ring_size = 0;
  /// Entry i was measured in the same round as entry i of the other sizes.
  std::vector<RoundSamples> rounds;
  /// The same with HandOver::host; empty if that was not asked for.
  std::vector<RoundSamples> host_rounds = {};
  /// Of the last of `rounds`, where that was asked for: between rounds other rings are at work,
  /// which a recording of several would take for the program's own time.
  std::optional<Recording> recording = std::nullopt;
};

/// All that a run measured.
struct RunRecord {
  /// One for each ring size of the plan, in its order.
  std::vector<RingRecord> rings;
  /// False if the run was stopped before its end.
  bool complete = false;
};

/// Told before each measurement: how many of how many are done, and which ring size comes next.
using RunProgress =
    std::function<void(std::uint32_t done, std::uint32_t total, std::uint32_t ring_size)>;

/// The order of the ring sizes in a round, counted from 0: as given in even rounds and backwards in
/// odd ones. A machine that gets steadily slower or faster then favours no size.
[[nodiscard]] std::vector<std::uint32_t> ring_order(std::span<const std::uint32_t> ring_sizes,
                                                    std::uint32_t round);

/// Runs every ring size once in each round, or twice with `compares_hand_overs`: these take turns
/// in being the first. Each measurement gets a new ring on `backend`. Stops early, keeping the
/// complete measurements, once `stop` is set. Throws what rings throw.
[[nodiscard]] RunRecord run_interleaved(const std::shared_ptr<Backend>& backend, Workload& workload,
                                        const RunPlan& plan, const StopFlag& stop,
                                        const RunProgress& progress = {});

/// Runs the workload through a ring of three slots, or of one for each queue, unmeasured, until
/// `duration` of wall time has gone by: an idle GPU clocks down, and the first rounds pay for
/// memory and pipelines that later ones find ready. Does nothing if `duration` is zero.
void warm_up(const std::shared_ptr<Backend>& backend, Workload& workload,
             std::chrono::nanoseconds duration, const StopFlag& stop);

}  // namespace cbr::bench
