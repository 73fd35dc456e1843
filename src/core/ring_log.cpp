#include "core/ring_log.h"

#include <cstdio>
#include <new>
#include <utility>

#include <fmt/format.h>

#include "core/messages.h"
#include "core/submission.h"

namespace cbr::detail {

thread_local LogHold* LogHold::current = nullptr;

LogHold::LogHold() noexcept : outermost_(current == nullptr) {
  if (outermost_) current = this;
}

LogHold::~LogHold() {
  if (!outermost_) return;
  current = nullptr;
  for (Held& held : held_) {
    held.message.text = held.text;
    held.message.label = held.label;
    held.log->pass_on(held.message);
  }
}

void RingLog::write(LogMessage message) const noexcept {
  message.ring = name_;
  if (LogHold::current == nullptr) {
    pass_on(message);
    return;
  }
  try {
    LogHold::current->held_.push_back(
        {this, message, std::string(message.text), std::string(message.label)});
  } catch (const std::bad_alloc&) {
    return;
  }
}

void RingLog::pass_on(const LogMessage& message) const noexcept {
  const Visit visit(gate_);
  if (!visit.allowed()) return;
  try {
    if (sink_) {
      sink_(message);
    } else {
      fmt::print(stderr, "{}\n", message.line());
    }
  } catch (...) {
    // A message that can't be written must not end the program from within a destructor.
    return;
  }
}

void RingLog::failure(LogEvent event, std::string_view what, const std::exception_ptr& error,
                      std::optional<SlotIndex> slot) const noexcept {
  try {
    const std::string text = fmt::format("{}: {}", what, what_of(error));
    write({.event = event, .text = text, .slot = slot});
  } catch (...) {
    return;
  }
}

void RingLog::abandoned(const Submission& submission) noexcept {
  try {
    leak(LogEvent::abandoned_lease,
         {.kind = Leak::Kind::abandoned_lease,
          .slot = submission.slot,
          .acquired_at = submission.acquired_at,
          .submitted_at = submission.acquired_at,
          .text = abandoned_text(submission)},
         submission);
  } catch (...) {
    return;
  }
}

void RingLog::unseen_failure(const Submission& submission) noexcept {
  try {
    leak(LogEvent::unseen_failure,
         {.kind = Leak::Kind::unseen_failure,
          .slot = submission.slot,
          .acquired_at = submission.acquired_at,
          .submitted_at = submission.submitted_at,
          .text = unseen_failure_text(submission)},
         submission);
  } catch (...) {
    return;
  }
}

void RingLog::leak(LogEvent event, Leak leak, const Submission& submission) noexcept {
  LogMessage message{.event = event, .text = leak.text};
  describe(message, submission);
  write(message);
  try {
    const Access<std::vector<Leak>> leaks(leaks_);
    if (leaks->size() < most_leaks) leaks->push_back(std::move(leak));
  } catch (...) {
    return;
  }
}

void RingLog::close() noexcept {
  gate_.close();
  gate_.wait_until_empty();
}

std::vector<Leak> RingLog::leaked() const {
  const Access<std::vector<Leak>> leaks(leaks_);
  return *leaks;
}

}  // namespace cbr::detail
