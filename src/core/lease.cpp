#include <exception>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/lease.h>

#include "core/ring_core.h"

namespace cbr {

Lease::Lease(detail::Submission& submission, void* native_handle) noexcept
    : submission_(&submission),
      native_handle_(native_handle),
      exceptions_at_acquire_(std::uncaught_exceptions()) {}

Lease::Lease(Lease&& other) noexcept
    : submission_(std::exchange(other.submission_, nullptr)),
      native_handle_(std::exchange(other.native_handle_, nullptr)),
      exceptions_at_acquire_(other.exceptions_at_acquire_) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    discard();
    submission_ = std::exchange(other.submission_, nullptr);
    native_handle_ = std::exchange(other.native_handle_, nullptr);
    exceptions_at_acquire_ = other.exceptions_at_acquire_;
  }
  return *this;
}

Lease::~Lease() {
  if (submission_ == nullptr) return;
  // A lease that an exception passes by is doing its job.
  if (std::uncaught_exceptions() <= exceptions_at_acquire_) {
    submission_->core->report_abandoned(*submission_);
  }
  discard();
}

Ticket Lease::submit(SubmitOptions options, std::source_location where) && {
  detail::Submission& submission = require_valid("submit");
  submission_ = nullptr;
  native_handle_ = nullptr;
  return submission.core->submit(submission, options.after, where);
}

void Lease::discard() noexcept {
  detail::Submission* const submission = std::exchange(submission_, nullptr);
  native_handle_ = nullptr;
  if (submission != nullptr) submission->core->discard(*submission);
}

void Lease::keep_alive(std::shared_ptr<const void> object) {
  detail::Submission& submission = require_valid("keep_alive");
  submission.core->keep_alive(submission, std::move(object));
}

void Lease::set_label(std::string_view label) {
  detail::Submission& submission = require_valid("set_label");
  submission.core->set_label(submission, label);
}

SlotIndex Lease::slot() const {
  return require_valid("slot").slot;
}

QueueIndex Lease::queue() const {
  return require_valid("queue").queue;
}

Api Lease::api() const {
  return require_valid("api").core->backend().api();
}

void* Lease::native_handle() const {
  (void)require_valid("native_handle");
  return native_handle_;
}

NativeSlot* Lease::native_slot() const {
  return require_valid("native_slot").native_slot;
}

Backend& Lease::backend() const {
  return require_valid("backend").core->backend();
}

detail::Submission& Lease::require_valid(const char* function) const {
  if (submission_ == nullptr) {
    throw InvalidUsage(fmt::format(
        "Lease::{} on an empty lease: it was submitted, discarded or moved from", function));
  }
  return *submission_;
}

}  // namespace cbr
