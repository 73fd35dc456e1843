// The options of a ring.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace cbr {

/// The largest ring that can be made. More slots than a few only add latency and memory.
inline constexpr std::uint32_t max_ring_size = 1024;

/// Receives the ring's warnings, one line without line break. Called with no lock held, from the
/// thread whose call gave rise to the message; must not throw.
using LogSink = std::function<void(std::string_view line)>;

struct RingOptions {
  /// Number of slots, 1 to max_ring_size. 1 is the serial baseline, 2 double, 3 triple buffering.
  std::uint32_t ring_size = 3;
  /// Milliseconds that acquire() waits for a free slot before it throws AcquireTimeout; 0 waits for
  /// ever.
  std::uint64_t timeout_ms = 0;
  /// Counts acquisitions, waits and submissions. Off, statistics() reports zeros for what it
  /// counts.
  bool track_statistics = true;
  /// Appears in error texts, warnings and the debug labels of slots ("CommandRing #0").
  std::string name = "CommandRing";
  /// Where warnings go: by default to standard error.
  LogSink log_sink = nullptr;
};

}  // namespace cbr
