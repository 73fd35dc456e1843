/// @file
/// What a ring tells of itself while it works.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>

#include <cbr/types.h>

namespace cbr {

/// How much a message matters.
enum class LogLevel : std::uint8_t {
  /// Of use while one looks for something: see RingOptions::log_wait_events.
  debug,
  /// Something that the ring decided by itself.
  info,
  /// Something that the program should not do, or that did not work.
  warning,
};

/// "DEBUG", "INFO", "WARNING".
[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;

/// What a message is about, and so which of its fields mean something.
enum class LogEvent : std::uint8_t {
  /// An acquisition waits: `slot` is in its way.
  waiting,
  /// It has waited for `duration` and got `slot`.
  waited,
  /// It waits on, so far for `duration`.
  still_waiting,
  /// The work of `slot` is in flight or held for `duration`.
  hang,
  /// The lease of `slot` was dropped without submit() or discard().
  abandoned_lease,
  /// The work of `slot` failed, and no ticket was asked about it.
  unseen_failure,
  /// The ring ends while `slot` is leased.
  leased_at_end,
  /// A callback or an executor threw, after the work of `slot`.
  callback_threw,
  /// The backend has something to tell that concerns nobody's call: one of its own failed, or the
  /// program misused it. The ring goes on.
  backend_failure,
  /// The ring has chosen another size: RingOptions::auto_ring_size.
  resized,
};

/// One message of a ring. Views and references are valid during the call of the sink only.
struct LogMessage {
  /// How much it matters.
  LogLevel level = LogLevel::warning;
  /// What it is about.
  LogEvent event = {};
  /// RingOptions::name of the ring.
  std::string_view ring = {};
  /// What happened, in words; one line, without level and ring.
  std::string_view text = {};
  /// The slot that it is about, where there is one.
  std::optional<SlotIndex> slot = {};
  /// Queue and serial of the work, where the driver has it.
  std::optional<SyncPoint> sync_point = {};
  /// The label of the work; empty if it has none.
  std::string_view label = {};
  /// How long something took so far.
  std::optional<std::chrono::nanoseconds> duration = {};
  /// Where the program acquired the slot, where that is known.
  std::optional<std::source_location> acquired_at = {};
  /// Where it submitted the work, where it did.
  std::optional<std::source_location> submitted_at = {};

  /// "[WARNING] CommandRing: text", as it goes to standard error where there is no sink.
  [[nodiscard]] std::string line() const;
};

}  // namespace cbr
