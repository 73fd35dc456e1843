#include <exception>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/lease.h>

#include "core/ring_core.h"

namespace cbr {

Lease::Lease(std::shared_ptr<detail::RingCore> core, SlotIndex slot, detail::Submission* submission,
             void* native_handle) noexcept
    : core_(std::move(core)),
      submission_(submission),
      native_handle_(native_handle),
      exceptions_at_acquire_(std::uncaught_exceptions()),
      slot_(slot) {}

Lease::Lease(Lease&& other) noexcept = default;

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    discard();
    core_ = std::move(other.core_);
    submission_ = other.submission_;
    native_handle_ = other.native_handle_;
    exceptions_at_acquire_ = other.exceptions_at_acquire_;
    slot_ = other.slot_;
  }
  return *this;
}

Lease::~Lease() {
  if (core_ == nullptr) return;
  // A lease that an exception passes by is doing its job.
  if (std::uncaught_exceptions() <= exceptions_at_acquire_) core_->report_abandoned(*submission_);
  discard();
}

Ticket Lease::submit(std::source_location where) && {
  require_valid("submit");
  detail::RingCore& core = *core_;
  return core.submit(*submission_, where, std::move(core_));
}

void Lease::discard() noexcept {
  if (core_ == nullptr) return;
  const auto core = std::move(core_);
  core->discard(*submission_);
}

void Lease::keep_alive(std::shared_ptr<const void> object) {
  require_valid("keep_alive");
  core_->keep_alive(*submission_, std::move(object));
}

void Lease::set_label(std::string_view label) {
  require_valid("set_label");
  core_->set_label(*submission_, label);
}

QueueIndex Lease::queue() const {
  require_valid("queue");
  return submission_->queue;
}

Api Lease::api() const {
  require_valid("api");
  return core_->backend().api();
}

void* Lease::native_handle() const {
  require_valid("native_handle");
  return native_handle_;
}

Backend& Lease::backend() const {
  require_valid("backend");
  return core_->backend();
}

void Lease::require_valid(const char* function) const {
  if (core_ == nullptr) {
    throw InvalidUsage(fmt::format(
        "Lease::{} on an empty lease: it was submitted, discarded or moved from", function));
  }
}

}  // namespace cbr
