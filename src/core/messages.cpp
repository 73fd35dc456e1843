#include "core/messages.h"

#include <fmt/format.h>

#include "core/predecessors.h"
#include "core/ring_core.h"
#include "core/sequence_record.h"

namespace cbr::detail {
namespace {

double to_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

/// "slot #1 'upload' of ring 'Uploads', which is in flight with serial 3 on queue 0"
std::string awaited_text(const Submission& submission) {
  const Serial serial(submission.serial.load(std::memory_order_acquire));
  const std::string state = serial.value() == 0
                                ? std::string("held back")
                                : fmt::format("in flight with serial {} on queue {}",
                                              serial.value(), to_number(submission.queue));
  return fmt::format("{} of ring '{}', which is {}", slot_name(submission.slot, submission.label),
                     submission.core->options().name, state);
}

/// ", waiting for the program's semaphore 0x5581d0 at 7 and 2 more", or nothing.
std::string foreign_text(const ForeignWaits& waits) {
  if (waits.count == 0) return {};
  std::string text = fmt::format(", waiting for the program's {} {:#x}", waits.kind, waits.first);
  if (waits.value) text += fmt::format(" at {}", *waits.value);
  if (waits.count > 1) text += fmt::format(" and {} more", waits.count - 1);
  return text;
}

/// "is held back by its sequence" or what else stands in its way; `awaited` may be null.
std::string held_text(const Submission* awaited) {
  if (awaited == nullptr) return "is held back by its sequence";
  return fmt::format("is held back, since it waits for {}", awaited_text(*awaited));
}

}  // namespace

Submission* awaited_first(const Submission& submission) noexcept {
  const bool held = submission.phase.load(std::memory_order_relaxed) == Phase::held;
  if (held && submission.sequence != nullptr && !submission.sequence->first(submission)) {
    return nullptr;
  }
  return Predecessors::unresolved(submission);
}

std::string place(const std::source_location& where) {
  return fmt::format("{}:{}", where.file_name(), where.line());
}

std::string slot_name(SlotIndex slot, const Label& label) {
  if (label.view().empty()) return fmt::format("slot #{}", to_number(slot));
  return fmt::format("slot #{} '{}'", to_number(slot), label.view());
}

std::string what_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

void describe(LogMessage& message, const Submission& submission) {
  message.slot = submission.slot;
  message.label = submission.label.view();
  message.acquired_at = submission.acquired_at;
  const Serial serial(submission.serial.load());
  if (serial.value() != 0) message.sync_point = SyncPoint{submission.queue, serial};
  if (submission.phase.load() != Phase::leased) message.submitted_at = submission.submitted_at;
}

std::string waiting_text(SlotIndex slot) {
  return fmt::format("Waiting for slot #{}...", to_number(slot));
}

std::string waited_text(std::chrono::nanoseconds waited, SlotIndex slot) {
  return fmt::format("Waited {:.2f}ms for slot #{}", to_ms(waited), to_number(slot));
}

std::string still_waiting_text(std::chrono::nanoseconds elapsed) {
  return fmt::format("Still waiting... ({:.0f}ms elapsed)", to_ms(elapsed));
}

std::string hang_text(AllocationStrategy strategy, const HangReport& report) {
  const Submission* const awaited = TicketAccess::record(report.waits_for);
  std::string state;
  if (report.held) {
    state = held_text(awaited);
  } else {
    state = fmt::format("is in flight with serial {} on queue {}", report.point.serial.value(),
                        to_number(report.point.queue));
    if (awaited != nullptr) {
      state += fmt::format(", waiting for {},", awaited_text(*awaited));
    } else if (report.foreign_waits.count > 0) {
      state += foreign_text(report.foreign_waits) + ",";
    }
  }
  return fmt::format("{} {} for {:.0f} ms (strategy {}, acquired at {}, submitted at {})",
                     slot_name(report.slot, report.label), state, to_ms(report.age),
                     to_string(strategy), place(report.acquired_at), place(report.submitted_at));
}

std::string abandoned_text(const Submission& submission) {
  return fmt::format("the lease of {}, acquired at {}, was dropped without submit() or discard()",
                     slot_name(submission.slot, submission.label), place(submission.acquired_at));
}

std::string unseen_failure_text(const Submission& submission) {
  return fmt::format("{}, submitted at {}, failed and no ticket was asked about it: {}",
                     slot_name(submission.slot, submission.label), place(submission.submitted_at),
                     what_of(submission.completion.error));
}

std::string leased_at_end_text(SlotIndex slot, const Label& label,
                               const std::source_location& acquired_at) {
  return fmt::format("the ring is destroyed while {} is leased, acquired at {}",
                     slot_name(slot, label), place(acquired_at));
}

std::string timeout_text(std::string_view ring, std::chrono::nanoseconds waited,
                         std::chrono::nanoseconds limit, SlotIndex index, const Slot& slot) {
  std::string state = "was busy";
  std::string name = slot_name(index, {});
  if (slot.submission != nullptr) {
    const Submission& submission = *slot.submission;
    name = slot_name(index, submission.label);
    switch (submission.phase.load(std::memory_order_acquire)) {
      case Phase::leased:
        state = fmt::format("is leased, acquired at {}", place(submission.acquired_at));
        break;
      case Phase::held:
        state = fmt::format("{}, submitted at {}", held_text(awaited_first(submission)),
                            place(submission.submitted_at));
        break;
      case Phase::in_flight:
        state = fmt::format("is in flight with serial {}", submission.serial.load());
        if (const Submission* const awaited = awaited_first(submission)) {
          state += fmt::format(", waiting for {}", awaited_text(*awaited));
        } else {
          state += foreign_text(submission.foreign_waits);
        }
        break;
      case Phase::ended:
        state = fmt::format("was in flight with serial {}", submission.serial.load());
        break;
    }
  }
  return fmt::format("{}: no slot free after {:.2f} ms (limit {:.2f} ms): {} {}", ring,
                     to_ms(waited), to_ms(limit), name, state);
}

}  // namespace cbr::detail
