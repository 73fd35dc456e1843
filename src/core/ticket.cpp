#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/ticket.h>

#include "core/ring_core.h"

namespace cbr {

Ticket::Ticket(std::shared_ptr<detail::RingCore> core, detail::Submission* submission) noexcept
    : core_(std::move(core)), submission_(submission) {}

Ticket::Ticket(const Ticket& other) noexcept : core_(other.core_), submission_(other.submission_) {
  if (submission_ != nullptr) submission_->references.fetch_add(1, std::memory_order_relaxed);
}

Ticket::Ticket(Ticket&& other) noexcept
    : core_(std::move(other.core_)), submission_(std::exchange(other.submission_, nullptr)) {}

Ticket& Ticket::operator=(const Ticket& other) noexcept {
  return *this = Ticket(other);
}

Ticket& Ticket::operator=(Ticket&& other) noexcept {
  std::swap(core_, other.core_);
  std::swap(submission_, other.submission_);
  return *this;
}

Ticket::~Ticket() {
  if (submission_ != nullptr) core_->release(*submission_);
}

void Ticket::wait() const {
  (void)wait_until(no_deadline);
}

bool Ticket::wait_for(std::chrono::nanoseconds timeout) const {
  require_valid("wait_for");
  return wait_until(core_->deadline_after(timeout));
}

bool Ticket::wait_until(TimePoint deadline) const {
  require_valid("wait");
  if (!core_->wait(*submission_, deadline)) return false;
  if (submission_->completion.error != nullptr) {
    std::rethrow_exception(submission_->completion.error);
  }
  return true;
}

bool Ticket::done() const {
  require_valid("done");
  return core_->poll(*submission_);
}

std::exception_ptr Ticket::error() const {
  require_valid("error");
  return core_->poll(*submission_) ? submission_->completion.error : nullptr;
}

std::optional<GpuInterval> Ticket::gpu_interval() const {
  require_valid("gpu_interval");
  return core_->poll(*submission_) ? submission_->completion.interval : std::nullopt;
}

SlotIndex Ticket::slot() const {
  require_valid("slot");
  return submission_->slot;
}

QueueIndex Ticket::queue() const {
  require_valid("queue");
  return submission_->queue;
}

Serial Ticket::serial() const {
  require_valid("serial");
  return submission_->serial;
}

void Ticket::require_valid(const char* function) const {
  if (submission_ == nullptr) {
    throw InvalidUsage(fmt::format("Ticket::{} on an empty ticket", function));
  }
}

}  // namespace cbr
