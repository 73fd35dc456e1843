/// @file
/// Requests for a slot that block no thread.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

#include <cbr/lease.h>

namespace cbr {

namespace detail {
class RingCore;
struct AcquireRequest;
}  // namespace detail

/// What became of an asynchronous request for a slot: a lease, or why there is none.
class AcquireResult {
 public:
  /// The request got a slot, begun and ready for recording.
  explicit AcquireResult(Lease lease) noexcept : lease_(std::move(lease)) {}
  /// It got none, for this reason.
  // NOLINTNEXTLINE(bugprone-throw-keyword-missing): it is no exception that is made here.
  explicit AcquireResult(std::exception_ptr failure) noexcept : failure_(std::move(failure)) {}

  /// Why there is no lease; null if there is one.
  [[nodiscard]] const std::exception_ptr& failure() const noexcept { return failure_; }
  /// The lease, which is the caller's from now on. Throws the failure if there is none, as
  /// acquire() would have.
  [[nodiscard]] Lease lease() && {
    if (failure_ != nullptr) std::rethrow_exception(failure_);
    return std::move(lease_);
  }

 private:
  Lease lease_;
  std::exception_ptr failure_;
};

/// Takes back a request that was made with CommandBufferRing::acquire_async and a callback.
/// Move-only; letting go of it leaves the request in place. It may outlive the ring.
class AcquireHandle {
 public:
  /// A handle of nothing.
  AcquireHandle() noexcept = default;
  /// Leaves `other` without a request.
  AcquireHandle(AcquireHandle&& other) noexcept;
  /// Lets go of the request it had, and leaves `other` without one.
  AcquireHandle& operator=(AcquireHandle&& other) noexcept;
  AcquireHandle(const AcquireHandle&) = delete;
  AcquireHandle& operator=(const AcquireHandle&) = delete;
  /// Lets go of the request, whose callback will run.
  ~AcquireHandle();

  /// Takes the request back. True if its callback will never run: a slot that it was just given
  /// goes back to the ring, and to the next that waits; the callback is destroyed before this
  /// returns, with no lock held. False if it has run, if it is running on this very thread, or if
  /// there is none. Where it is running on another thread this waits for it. The handle is empty
  /// afterwards. Any thread may call this; one at a time.
  bool cancel() noexcept;

  /// Whether there is a request to take back; its callback may have run.
  [[nodiscard]] bool valid() const noexcept { return request_ != nullptr; }

 private:
  friend class CommandBufferRing;
  friend class Sequence;
  /// Takes over a reference.
  explicit AcquireHandle(detail::AcquireRequest* request) noexcept : request_(request) {}
  detail::AcquireRequest* request_ = nullptr;
};

namespace detail {

/// What `co_await ring.acquire_async()` waits with; lives in the coroutine's frame. To be awaited
/// once.
class LeaseAwaiter {
 public:
  /// Takes over a reference to a request that has not asked yet.
  explicit LeaseAwaiter(AcquireRequest& request) noexcept : request_(&request) {}
  /// Leaves `other` without a request. Not while a coroutine is suspended in it.
  LeaseAwaiter(LeaseAwaiter&& other) noexcept : request_(std::exchange(other.request_, nullptr)) {}
  LeaseAwaiter(const LeaseAwaiter&) = delete;
  LeaseAwaiter& operator=(const LeaseAwaiter&) = delete;
  LeaseAwaiter& operator=(LeaseAwaiter&&) = delete;
  /// Takes the request back, and a slot that it was given, if the coroutine is destroyed while it
  /// is suspended.
  ~LeaseAwaiter();

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  /// False if the request is answered at once: the coroutine goes on.
  bool await_suspend(std::coroutine_handle<> coroutine);
  [[nodiscard]] Lease await_resume();

 private:
  AcquireRequest* request_;
};

}  // namespace detail

}  // namespace cbr
