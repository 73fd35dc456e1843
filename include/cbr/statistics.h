/// @file
/// What a ring counts.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <cbr/gpu_activity.h>

namespace cbr {

/// A consistent snapshot of a ring's counters: all fields were true at one moment.
///
/// Every acquisition ends in a submission or a discard: total_acquisitions = total_releases +
/// leased and total_releases = submissions + discarded. Every submission ends: submissions =
/// completions + failures + in_flight. Both hold at every moment, and
/// timeout_events <= wait_events. With RingOptions::track_statistics off, what is counted is zero.
struct RingStatistics {
  /// Leases handed out.
  std::uint64_t total_acquisitions = 0;
  /// Leases that ended, by submission or discard.
  std::uint64_t total_releases = 0;
  /// Acquisitions that found no slot and had a limit above "don't wait", or a limit of their own
  /// that was zero; those that timed out in the end included. Waiting is back-pressure: with a busy
  /// GPU nearly every acquisition waits.
  std::uint64_t wait_events = 0;
  /// Acquisitions that reached their limit, be it zero; never more than wait_events. try_acquire()
  /// without a limit has none to reach.
  std::uint64_t timeout_events = 0;
  /// (total_acquisitions − wait_events) / total_acquisitions; 1 before the first acquisition, and
  /// never below 0.
  double reuse_rate = 1.0;
  /// Time spent in those waits, over all threads.
  double total_wait_ms = 0.0;
  /// total_wait_ms / wait_events; 0 without wait events.
  double avg_wait_ms = 0.0;
  /// The longest single wait.
  double max_wait_ms = 0.0;
  /// Slots of the ring.
  std::uint32_t ring_size = 0;
  /// The slot at which the search for the next free slot starts.
  std::uint32_t current_index = 0;
  /// Slots whose work was submitted and has not ended, held back by a Sequence or not.
  std::uint32_t in_flight = 0;
  /// Slots that a lease holds.
  std::uint32_t leased = 0;
  /// For how long the oldest of these leases has been held, and its slot; 0 where there is none, or
  /// where nobody noted it: with hang_warning_ms 0 and gpu_times other than `both`.
  double oldest_lease_ms = 0.0;
  /// See oldest_lease_ms.
  std::uint32_t oldest_lease_slot = 0;
  /// Submissions that the driver accepted.
  std::uint64_t submissions = 0;
  /// How many of them went to the driver in one native submission with an earlier one:
  /// RingOptions::coalescing.
  std::uint64_t coalesced = 0;
  /// Submissions that ended well.
  std::uint64_t completions = 0;
  /// Submissions that ended in an error, those lost with the device included.
  std::uint64_t failures = 0;
  /// Leases that ended without a submission, failed submissions included.
  std::uint64_t discarded = 0;
  /// Reports of work that is in flight for longer than hang_warning_ms.
  std::uint64_t hang_warnings = 0;
  /// Slots whose work is in flight, or held back, for longer than hang_warning_ms at this moment; 0
  /// with hang_warning_ms 0.
  std::uint32_t hanging = 0;
  /// How busy the GPU was and why it was idle. There once work has ended whose start and end the
  /// GPU noted: with GpuTimes::both, on a device with timestamps.
  std::optional<GpuActivity> gpu = std::nullopt;
  /// What each queue has of that, by its index. Empty where there is one queue, or no `gpu`.
  std::vector<GpuActivity> gpu_by_queue = {};
};

}  // namespace cbr
