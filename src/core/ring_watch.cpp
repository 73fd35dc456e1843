// Work that hangs, and threads that wait for long.
#include <algorithm>
#include <string>
#include <vector>

#include "core/messages.h"
#include "core/ring_core.h"

namespace cbr::detail {
namespace {

/// The first of the times start + d, start + 2d, start + 4d … that lies ahead.
TimePoint next_doubling(TimePoint start, TimePoint due, TimePoint now) {
  while (due <= now) {
    if (due - start > (no_deadline - start) / 2) return no_deadline;
    due = start + 2 * (due - start);
  }
  return due;
}

}  // namespace

std::chrono::nanoseconds RingCore::report_hangs() {
  const std::chrono::nanoseconds limit = std::chrono::milliseconds(options_.hang_warning_ms);
  const TimePoint now = backend_->now();
  // Whatever starts while this thread sleeps is not due before this.
  TimePoint next_look = now + limit;
  std::vector<HangReport> hangs;
  std::vector<std::string> lines;
  {
    const LockGuard lock(state_mutex_);
    for (std::uint32_t i = 0; i < table_.extent(); ++i) {
      Slot& slot = table_[SlotIndex{i}];
      const bool held = slot.state == SlotState::held;
      if (slot.state != SlotState::in_flight && !held) continue;
      if (slot.next_hang_warning <= now) {
        const Submission& submission = *slot.submission;
        hangs.push_back({.slot = SlotIndex{i},
                         .point = {slot.queue, slot.serial},
                         .held = held,
                         .label = submission.label,
                         .age = now - slot.submitted_at,
                         .acquired_at = submission.acquired_at,
                         .submitted_at = submission.submitted_at});
        slot.next_hang_warning = next_doubling(slot.submitted_at, slot.next_hang_warning, now);
        counter_.hang_reported();
      }
      next_look = std::min(next_look, slot.next_hang_warning);
    }
    for (Waiter* waiter = waiters_.front(); waiter != nullptr && options_.log_wait_events;
         waiter = waiter->next) {
      if (waiter->next_report <= now) {
        lines.push_back(still_waiting_line(options_.name, now - waiter->since));
        waiter->next_report = next_doubling(waiter->since, waiter->next_report, now);
      }
      next_look = std::min(next_look, waiter->next_report);
    }
  }
  for (const HangReport& hang : hangs) log_.write(hang_line(options_, hang));
  for (const std::string& line : lines) log_.write(line);
  return next_look - now;
}

}  // namespace cbr::detail
