#include "core/messages.h"

#include <fmt/format.h>

namespace cbr::detail {
namespace {

double to_ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

std::string place(const std::source_location& where) {
  return fmt::format("{}:{}", where.file_name(), where.line());
}

std::string slot_name(SlotIndex slot, const Label& label) {
  if (label.view().empty()) return fmt::format("slot #{}", to_number(slot));
  return fmt::format("slot #{} '{}'", to_number(slot), label.view());
}

std::string what(const std::exception_ptr& error) noexcept {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    return exception.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

std::string waiting_line(std::string_view ring, SlotIndex slot) {
  return fmt::format("[DEBUG] {}: Waiting for buffer #{}...", ring, to_number(slot));
}

std::string waited_line(std::string_view ring, std::chrono::nanoseconds waited, SlotIndex slot) {
  return fmt::format("[DEBUG] {}: Waited {:.2f}ms for buffer #{}", ring, to_ms(waited),
                     to_number(slot));
}

std::string still_waiting_line(std::string_view ring, std::chrono::nanoseconds elapsed) {
  return fmt::format("[DEBUG] {}: Still waiting... ({:.0f}ms elapsed)", ring, to_ms(elapsed));
}

std::string hang_line(const RingOptions& options, const HangReport& report) {
  const std::string state =
      report.held ? std::string("is held back by its sequence")
                  : fmt::format("is in flight with serial {} on queue {}",
                                report.point.serial.value(), to_number(report.point.queue));
  return fmt::format(
      "[WARNING] {}: {} {} for {:.0f} ms (strategy {}, acquired at {}, submitted at {})",
      options.name, slot_name(report.slot, report.label), state, to_ms(report.age),
      to_string(options.allocation_strategy), place(report.acquired_at),
      place(report.submitted_at));
}

std::string abandoned_text(const Submission& submission) {
  return fmt::format("the lease of {}, acquired at {}, was dropped without submit() or discard()",
                     slot_name(submission.slot, submission.label), place(submission.acquired_at));
}

std::string unseen_failure_text(const Submission& submission) {
  return fmt::format("{}, submitted at {}, failed and no ticket was asked about it: {}",
                     slot_name(submission.slot, submission.label), place(submission.submitted_at),
                     what(submission.completion.error));
}

std::string held_at_destruction_text(const Submission& submission) {
  return fmt::format("the ring is destroyed while {} is leased, acquired at {}",
                     slot_name(submission.slot, submission.label), place(submission.acquired_at));
}

std::string timeout_text(std::string_view ring, std::chrono::nanoseconds waited,
                         std::chrono::nanoseconds limit, SlotIndex index, const Slot& slot) {
  std::string state = "was busy";
  std::string name = slot_name(index, {});
  if (slot.submission != nullptr) {
    name = slot_name(index, slot.submission->label);
    state = slot.state == SlotState::leased
                ? fmt::format("is leased, acquired at {}", place(slot.submission->acquired_at))
            : slot.state == SlotState::held
                ? fmt::format("is held back by its sequence, submitted at {}",
                              place(slot.submission->submitted_at))
                : fmt::format("is in flight with serial {}", slot.serial.value());
  }
  return fmt::format("{}: no slot free after {:.2f} ms (limit {:.2f} ms): {} {}", ring,
                     to_ms(waited), to_ms(limit), name, state);
}

}  // namespace cbr::detail
