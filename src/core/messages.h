// The texts that a ring writes to its log sink and into its errors. Pure logic.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string>
#include <string_view>

#include <cbr/options.h>
#include <cbr/types.h>

#include "core/slot_table.h"
#include "core/submission_pool.h"

namespace cbr::detail {

/// "file.cpp:12"
[[nodiscard]] std::string place(const std::source_location& where);
/// "slot #0" or "slot #0 'label'"
[[nodiscard]] std::string slot_name(SlotIndex slot, const Label& label);
/// What the exception says.
[[nodiscard]] std::string what(const std::exception_ptr& error) noexcept;

// The three lines of log_wait_events. Tools may look for them: their wording stays as it is.
[[nodiscard]] std::string waiting_line(std::string_view ring, SlotIndex slot);
[[nodiscard]] std::string waited_line(std::string_view ring, std::chrono::nanoseconds waited,
                                      SlotIndex slot);
[[nodiscard]] std::string still_waiting_line(std::string_view ring,
                                             std::chrono::nanoseconds elapsed);

/// Work that is in flight for too long. A copy of what is known, so that the text can be made
/// without the lock.
struct HangReport {
  SlotIndex slot{};
  SyncPoint point;
  bool held = false;
  Label label;
  std::chrono::nanoseconds age{0};
  std::source_location acquired_at;
  std::source_location submitted_at;
};
[[nodiscard]] std::string hang_line(const RingOptions& options, const HangReport& report);

[[nodiscard]] std::string abandoned_text(const Submission& submission);
[[nodiscard]] std::string unseen_failure_text(const Submission& submission);
[[nodiscard]] std::string held_at_destruction_text(const Submission& submission);
/// For AcquireTimeout: the time, the limit, and the slot in the way.
[[nodiscard]] std::string timeout_text(std::string_view ring, std::chrono::nanoseconds waited,
                                       std::chrono::nanoseconds limit, SlotIndex index,
                                       const Slot& slot);

}  // namespace cbr::detail
