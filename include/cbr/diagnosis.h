/// @file
/// What a ring's figures mean, in words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cbr/statistics.h>

namespace cbr {

/// What can be found.
enum class FindingKind : std::uint8_t {
  /// The GPU is busy, and the ring is of a size that fits: nothing to gain.
  nothing_to_gain,
  /// The GPU is busy all the time: only less work for it would make the program faster.
  gpu_bound,
  /// The GPU stands idle after the program has waited for a slot.
  ring_too_small,
  /// The ring has slots that bring nothing, late notice of ends included.
  ring_larger_than_used,
  /// The GPU stands idle while commands are recorded, and the program doesn't wait for slots.
  encode_bound,
  /// The GPU stands idle while the program does something else.
  application_bound,
  /// The GPU pauses between submissions that are short against the pause.
  small_submissions,
  /// The GPU stands idle because threads wake up late.
  late_wake_up,
  /// The GPU stands idle in the driver's submit calls.
  submit_bound,
  /// The GPU stands idle because a queue waits for other work.
  dependency_bound,
  /// The GPU pauses for long although it has had work before: something else may be using it.
  gpu_used_by_others,
  /// Work is in flight for longer than RingOptions::hang_warning_ms.
  suspected_hang,
  /// All slots are leased and nothing is in flight: nobody gets a slot until a lease ends.
  leases_held,
  /// Leases are held that have been abandoned, it seems.
  leak,
  /// Nobody can tell: the GPU's times are not known, or not by the host's clock.
  no_times,
  /// Nobody can tell yet: too little has run.
  too_little,
};

/// "nothing_to_gain", "ring_too_small", and so on, as the enumerators are called.
[[nodiscard]] std::string_view to_string(FindingKind kind) noexcept;

/// One thing that was found.
struct Finding {
  /// What it is.
  FindingKind kind{};
  /// What is the case, with the figures that say so: one or two sentences.
  std::string text;
  /// What to do about it: one sentence.
  std::string action;
  /// The share of the time that the GPU stood idle because of it, 0 to 1; absent where that is not
  /// what it is about.
  std::optional<double> idle_share;
};

/// All that was found, what costs the most first. Never empty.
struct Diagnosis {
  /// What was found.
  std::vector<Finding> findings;
  /// Whether a finding of that kind is among them.
  [[nodiscard]] bool has(FindingKind kind) const;
  /// The findings in words, a paragraph each.
  [[nodiscard]] std::string text() const;
};

/// What the figures of a ring mean. Judges idle time by its causes, and never by how often the
/// program waited: with a busy GPU nearly every acquisition waits, and that is as it should be.
///
/// `leaked` is how many slots CommandBufferRing::leaked() names.
[[nodiscard]] Diagnosis diagnose(const RingStatistics& statistics, std::size_t leaked = 0);

}  // namespace cbr
