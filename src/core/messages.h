// The texts that a ring writes to its log sink and into its errors. Pure logic.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>
#include <string_view>

#include <cbr/log.h>
#include <cbr/options.h>
#include <cbr/ticket.h>
#include <cbr/types.h>

#include "core/slot_table.h"
#include "core/submission.h"

namespace cbr::detail {

/// "file.cpp:12"
[[nodiscard]] std::string place(const std::source_location& where);
/// "slot #0" or "slot #0 'label'"
[[nodiscard]] std::string slot_name(SlotIndex slot, const Label& label);
/// What the exception says.
[[nodiscard]] std::string what_of(const std::exception_ptr& error);
/// Fills in what the record tells: slot, serial, label and places. The record must outlive it.
void describe(LogMessage& message, const Submission& submission);

/// What `submission`, which is held or in flight, waits for first; null if there is nothing, or if
/// the turn of its sequence comes before. With the state of its ring locked.
[[nodiscard]] Submission* awaited_first(const Submission& submission) noexcept;

// The texts of log_wait_events.
[[nodiscard]] std::string waiting_text(SlotIndex slot);
[[nodiscard]] std::string waited_text(std::chrono::nanoseconds waited, SlotIndex slot);
[[nodiscard]] std::string still_waiting_text(std::chrono::nanoseconds elapsed);

/// Work that is in flight for too long. A copy of what is known, so that the text can be made
/// without the lock.
struct HangReport {
  SlotIndex slot{};
  SyncPoint point;
  bool held = false;
  /// The first that it waits for and that has not ended; none if it is its turn in a sequence that
  /// holds it back, or if it waits for nothing.
  Ticket waits_for = {};
  /// What it waits for beside that, and that is not the ring's.
  ForeignWaits foreign_waits = {};
  Label label;
  std::chrono::nanoseconds age{0};
  std::source_location acquired_at;
  std::source_location submitted_at;
};
[[nodiscard]] std::string hang_text(AllocationStrategy strategy, const HangReport& report);

[[nodiscard]] std::string abandoned_text(const Submission& submission);
[[nodiscard]] std::string unseen_failure_text(const Submission& submission);
[[nodiscard]] std::string leased_at_end_text(SlotIndex slot, const Label& label,
                                             const std::source_location& acquired_at);
/// For AcquireTimeout: the time, the limit, and the slot in the way.
[[nodiscard]] std::string timeout_text(std::string_view ring, std::chrono::nanoseconds waited,
                                       std::chrono::nanoseconds limit, SlotIndex index,
                                       const Slot& slot);

}  // namespace cbr::detail
