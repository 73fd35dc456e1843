#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/ticket.h>

#include "core/ring_core.h"

namespace cbr {
namespace {

/// Notes that the program knows of a failure.
void look_at_failure(detail::Submission& submission) noexcept {
  // Most work goes well, and then there is nothing to note.
  if (submission.completion.error != nullptr) {
    submission.looked_at.store(true, std::memory_order_relaxed);
  }
}

}  // namespace

Ticket::Ticket(const Ticket& other) noexcept : submission_(other.submission_) {
  if (submission_ != nullptr) submission_->references.fetch_add(1, std::memory_order_relaxed);
}

void Ticket::let_go() noexcept {
  submission_->core->release(*submission_);
}

void Ticket::wait() const {
  (void)wait_until(no_deadline);
}

bool Ticket::wait_for(Timeout timeout) const {
  const detail::Submission& submission = require_valid("wait_for");
  return wait_until(timeout.after(submission.core->backend().now()));
}

bool Ticket::wait_until(TimePoint deadline) const {
  detail::Submission& submission = require_valid("wait");
  if (!submission.core->wait(submission, deadline)) return false;
  look_at_failure(submission);
  if (submission.completion.error != nullptr) std::rethrow_exception(submission.completion.error);
  return true;
}

bool Ticket::done() const {
  detail::Submission& submission = require_valid("done");
  return submission.core->poll(submission);
}

std::exception_ptr Ticket::error() const {
  detail::Submission& submission = require_valid("error");
  if (!submission.core->poll(submission)) return nullptr;
  look_at_failure(submission);
  return submission.completion.error;
}

std::optional<GpuInterval> Ticket::gpu_interval() const {
  detail::Submission& submission = require_valid("gpu_interval");
  return submission.core->poll(submission) ? submission.completion.interval : std::nullopt;
}

std::optional<std::chrono::nanoseconds> Ticket::gpu_end() const {
  detail::Submission& submission = require_valid("gpu_end");
  if (!submission.core->poll(submission)) return std::nullopt;
  const Completion& completion = submission.completion;
  return completion.interval ? std::optional(completion.interval->end) : completion.end;
}

CallbackHandle Ticket::on_complete(std::function<void(const Ticket& ticket)> callback) const {
  detail::Submission& submission = require_valid("on_complete");
  return CallbackHandle(submission.core->add_callback(submission, std::move(callback)));
}

detail::TicketAwaiter Ticket::operator co_await() const {
  return {*this, require_valid("co_await").core->options().executor};
}

detail::TicketAwaiter Ticket::resume_on(Executor executor) const {
  (void)require_valid("resume_on");
  return {*this, std::move(executor)};
}

SlotIndex Ticket::slot() const {
  return require_valid("slot").slot;
}

QueueIndex Ticket::queue() const {
  return require_valid("queue").queue;
}

Serial Ticket::serial() const {
  return Serial(require_valid("serial").serial.load(std::memory_order_acquire));
}

std::optional<TimelinePoint> Ticket::timeline_point() const {
  const detail::Submission& submission = require_valid("timeline_point");
  return submission.core->timeline_point(submission);
}

detail::Submission& Ticket::require_valid(const char* function) const {
  if (submission_ == nullptr) {
    throw InvalidUsage(fmt::format("Ticket::{} on an empty ticket", function));
  }
  return *submission_;
}

CallbackHandle::CallbackHandle(CallbackHandle&& other) noexcept
    : node_(std::exchange(other.node_, nullptr)) {}

CallbackHandle& CallbackHandle::operator=(CallbackHandle&& other) noexcept {
  if (this != &other) {
    const CallbackHandle old(std::exchange(node_, std::exchange(other.node_, nullptr)));
  }
  return *this;
}

CallbackHandle::~CallbackHandle() {
  if (node_ != nullptr) node_->core->release(*node_);
}

bool CallbackHandle::cancel() noexcept {
  detail::CallbackNode* const node = std::exchange(node_, nullptr);
  return node != nullptr && node->core->cancel(*node);
}

namespace detail {

TicketAwaiter::~TicketAwaiter() {
  if (!coroutine_) return;
  Submission& submission = *TicketAccess::record(ticket_);
  submission.core->remove_continuation(submission, *this);
}

bool TicketAwaiter::await_suspend(std::coroutine_handle<> coroutine) {
  Submission& submission = *TicketAccess::record(ticket_);
  coroutine_ = coroutine;
  // Once it is added, another thread may run on with the coroutine and end it: nothing of this
  // object is touched any more.
  return submission.core->add_continuation(submission, *this);
}

void TicketAwaiter::run(const Ticket& ticket) noexcept {
  // The coroutine may end, and this object with it, before the executor returns.
  const std::coroutine_handle<> coroutine = coroutine_;
  const Executor executor = std::move(executor_);
  try {
    if (executor) {
      executor(coroutine);
    } else {
      coroutine.resume();
    }
  } catch (...) {
    TicketAccess::record(ticket)->core->log().failure(
        LogEvent::callback_threw,
        executor ? "the executor of a coroutine threw" : "a coroutine let an exception out",
        std::current_exception(), ticket.slot());
  }
}

}  // namespace detail

}  // namespace cbr
