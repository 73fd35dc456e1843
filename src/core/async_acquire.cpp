#include <utility>

#include <cbr/async_acquire.h>
#include <cbr/errors.h>

#include "core/acquire_request.h"
#include "core/ring_core.h"

namespace cbr {

AcquireHandle::AcquireHandle(AcquireHandle&& other) noexcept
    : request_(std::exchange(other.request_, nullptr)) {}

AcquireHandle& AcquireHandle::operator=(AcquireHandle&& other) noexcept {
  if (this != &other) {
    const AcquireHandle old(std::exchange(request_, std::exchange(other.request_, nullptr)));
  }
  return *this;
}

AcquireHandle::~AcquireHandle() {
  if (request_ != nullptr) request_->core->release(*request_);
}

bool AcquireHandle::cancel() noexcept {
  detail::AcquireRequest* const request = std::exchange(request_, nullptr);
  if (request == nullptr) return false;
  const bool taken_back = request->core->cancel(*request);
  request->core->release(*request);
  return taken_back;
}

namespace detail {

LeaseAwaiter::~LeaseAwaiter() {
  if (request_ == nullptr) return;
  RingCore& core = *request_->core;
  (void)core.cancel(*request_);
  // Whoever had the coroutine's handle has destroyed it in place of going on with it.
  request_->lease.discard();
  request_->failure = nullptr;
  core.release(*request_);
}

bool LeaseAwaiter::await_suspend(std::coroutine_handle<> coroutine) {
  if (request_ == nullptr) throw InvalidUsage("a request for a slot was awaited twice");
  request_->coroutine = coroutine;
  // Once it waits, another thread may run on with the coroutine and end it: nothing of this object
  // is touched any more.
  return request_->core->ask(*request_);
}

Lease LeaseAwaiter::await_resume() {
  AcquireRequest& request = *std::exchange(request_, nullptr);
  Lease lease = std::move(request.lease);
  const std::exception_ptr failure = std::exchange(request.failure, nullptr);
  request.core->release(request);
  if (failure != nullptr) std::rethrow_exception(failure);
  return lease;
}

}  // namespace detail

}  // namespace cbr
