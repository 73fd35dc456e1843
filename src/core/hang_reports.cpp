#include "core/hang_reports.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/messages.h"
#include "core/submission.h"

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

std::chrono::nanoseconds report_hangs(RingContext& ring) {
  const std::chrono::nanoseconds limit = std::chrono::milliseconds(ring.options.hang_warning_ms);
  const TimePoint now = ring.backend->now();
  // Whatever starts while this thread sleeps is not due before this.
  TimePoint next_look = now + limit;
  std::vector<HangReport> hangs;
  std::vector<std::chrono::nanoseconds> waits;
  {
    const StateAccess state(ring.state);
    for (std::uint32_t i = 0; i < state->slots.extent(); ++i) {
      Submission* const submission = state->slots[SlotIndex{i}].submission;
      if (submission == nullptr) continue;
      const Phase phase = submission->phase.load(std::memory_order_acquire);
      if (phase != Phase::in_flight && phase != Phase::held) continue;
      if (submission->next_hang_warning == TimePoint{}) {
        submission->next_hang_warning = submission->submit_time + limit;
      }
      if (submission->next_hang_warning <= now) {
        // Before anything changes, and only where something hangs.
        if (hangs.empty()) hangs.reserve(state->slots.extent());
        hangs.push_back({.slot = SlotIndex{i},
                         .point = {submission->queue, Serial(submission->serial.load())},
                         .held = phase == Phase::held,
                         .waits_for = TicketAccess::share(awaited_first(*submission)),
                         .foreign_waits = submission->foreign_waits,
                         .label = submission->label,
                         .age = now - submission->submit_time,
                         .acquired_at = submission->acquired_at,
                         .submitted_at = submission->submitted_at});
        submission->next_hang_warning =
            next_doubling(submission->submit_time, submission->next_hang_warning, now);
        state->counter.hang_reported();
      }
      next_look = std::min(next_look, submission->next_hang_warning);
    }
    if (ring.options.log_wait_events) {
      state->waiters.for_each([&](Waiter& waiter) {
        if (waiter.next_report <= now) {
          waits.push_back(now - waiter.since);
          waiter.next_report = next_doubling(waiter.since, waiter.next_report, now);
        }
        next_look = std::min(next_look, waiter.next_report);
      });
    }
  }
  for (const HangReport& hang : hangs) {
    const std::string text = hang_text(ring.options.allocation_strategy, hang);
    LogMessage message{.event = LogEvent::hang,
                       .text = text,
                       .slot = hang.slot,
                       .label = hang.label.view(),
                       .duration = hang.age,
                       .acquired_at = hang.acquired_at,
                       .submitted_at = hang.submitted_at};
    if (!hang.held) message.sync_point = hang.point;
    ring.log.write(message);
  }
  for (const std::chrono::nanoseconds waited : waits) {
    const std::string text = still_waiting_text(waited);
    ring.log.write({.level = LogLevel::debug,
                    .event = LogEvent::still_waiting,
                    .text = text,
                    .duration = waited});
  }
  return next_look - now;
}

}  // namespace cbr::detail
