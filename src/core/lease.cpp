#include <exception>
#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/lease.h>

#include "core/ring_core.h"

namespace cbr {

Lease::Lease(std::shared_ptr<detail::RingCore> core, SlotIndex slot, void* native_handle,
             const std::source_location& acquired_at) noexcept
    : core_(std::move(core)),
      native_handle_(native_handle),
      acquired_at_(acquired_at),
      exceptions_at_acquire_(std::uncaught_exceptions()),
      slot_(slot) {}

Lease::Lease(Lease&& other) noexcept = default;

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    discard();
    core_ = std::move(other.core_);
    native_handle_ = other.native_handle_;
    acquired_at_ = other.acquired_at_;
    exceptions_at_acquire_ = other.exceptions_at_acquire_;
    slot_ = other.slot_;
  }
  return *this;
}

Lease::~Lease() {
  if (core_ == nullptr) return;
  // A lease that an exception passes by is doing its job.
  if (std::uncaught_exceptions() <= exceptions_at_acquire_) {
    core_->warn(fmt::format(
        "{}: the lease of slot #{}, acquired at {}:{}, was dropped without submit() or discard()",
        core_->options().name, to_number(slot_), acquired_at_.file_name(), acquired_at_.line()));
  }
  discard();
}

Ticket Lease::submit() && {
  require_valid("submit");
  detail::RingCore& core = *core_;
  return core.submit(slot_, std::move(core_));
}

void Lease::discard() noexcept {
  if (core_ == nullptr) return;
  const auto core = std::move(core_);
  core->discard(slot_);
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
