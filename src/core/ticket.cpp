#include <utility>

#include <fmt/format.h>

#include <cbr/errors.h>
#include <cbr/ticket.h>

#include "core/messages.h"
#include "core/ring_core.h"

namespace cbr {
namespace {

/// A user's callback. Deletes itself when it was run.
class CallbackContinuation final : public detail::Continuation {
 public:
  CallbackContinuation(std::function<void(const Ticket&)> callback, const detail::RingLog& log)
      : callback_(std::move(callback)), log_(log) {}

  void run(const Ticket& ticket) noexcept override {
    try {
      callback_(ticket);
    } catch (...) {
      log_.warn(fmt::format("a callback for {} threw: {}", detail::slot_name(ticket.slot(), {}),
                            detail::what(std::current_exception())));
    }
    delete this;
  }

 private:
  std::function<void(const Ticket&)> callback_;
  const detail::RingLog& log_;
};

}  // namespace

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
  look_at_failure();
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
  if (!core_->poll(*submission_)) return nullptr;
  look_at_failure();
  return submission_->completion.error;
}

std::optional<GpuInterval> Ticket::gpu_interval() const {
  require_valid("gpu_interval");
  return core_->poll(*submission_) ? submission_->completion.interval : std::nullopt;
}

void Ticket::on_complete(std::function<void(const Ticket& ticket)> callback) const {
  require_valid("on_complete");
  auto continuation = std::make_unique<CallbackContinuation>(std::move(callback), core_->log());
  if (core_->add_continuation(*submission_, *continuation)) {
    (void)continuation.release();
  } else {
    // It deletes itself.
    continuation.release()->run(*this);
  }
}

detail::TicketAwaiter Ticket::operator co_await() const {
  require_valid("co_await");
  return {*this, core_->options().executor};
}

detail::TicketAwaiter Ticket::resume_on(Executor executor) const {
  require_valid("resume_on");
  return {*this, std::move(executor)};
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
  return Serial(submission_->serial.load(std::memory_order_acquire));
}

void Ticket::require_valid(const char* function) const {
  if (submission_ == nullptr) {
    throw InvalidUsage(fmt::format("Ticket::{} on an empty ticket", function));
  }
}

TimePoint Ticket::deadline_after(std::chrono::nanoseconds timeout) const {
  return core_->deadline_after(timeout);
}

void Ticket::look_at_failure() const noexcept {
  // Most work goes well, and then there is nothing to note.
  if (submission_->completion.error != nullptr) {
    submission_->looked_at.store(true, std::memory_order_relaxed);
  }
}

namespace detail {

bool TicketAwaiter::await_suspend(std::coroutine_handle<> coroutine) {
  coroutine_ = coroutine;
  // Once it is added, another thread may run on with the coroutine and end it: nothing of this
  // object is touched any more.
  return ticket_.core_->add_continuation(*ticket_.submission_, *this);
}

void TicketAwaiter::run(const Ticket& /*ticket*/) noexcept {
  // The coroutine may end, and this object with it, before the executor returns.
  const std::coroutine_handle<> coroutine = coroutine_;
  const Executor executor = std::move(executor_);
  if (executor) {
    executor(coroutine);
  } else {
    coroutine.resume();
  }
}

}  // namespace detail

}  // namespace cbr
