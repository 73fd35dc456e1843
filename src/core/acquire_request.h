// One asynchronous request for a slot.
#pragma once

#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>

#include <cbr/async_acquire.h>
#include <cbr/lease.h>

#include "core/label.h"
#include "core/waiter_queue.h"

namespace cbr::detail {

class RingCore;

/// What a coroutine or a callback waits with for a slot:
///
///     idle ──▶ waiting ──▶ answering ──▶ running ──▶ idle
///                 │            │
///                 └─ cancel ───┴──▶ idle, the slot back with the ring
///
/// Who waits has one reference, an AcquireHandle or a LeaseAwaiter. From `waiting` until it was run
/// or taken back, the ring has another.
struct AcquireRequest final : Waiter {
  enum class Phase : std::uint8_t {
    /// It hasn't asked, or it has been answered.
    idle,
    /// It stands among the waiters, or has been given a slot that nobody has begun yet.
    waiting,
    /// The acquire thread begins its slot, or finds out why it has none.
    answering,
    /// The program's code is told of the answer.
    running,
  };

  /// For a new request, which it keeps the label and the sequence of.
  void prepare(const SlotRequest& checked, Timeout its_limit);

  /// Lives as long as any request is in use.
  RingCore* core = nullptr;
  /// Who is told: one of the two.
  std::coroutine_handle<> coroutine;
  std::function<void(AcquireResult)> callback;
  /// The answer. Written by who answers it, before the program's code is told.
  Lease lease;
  std::exception_ptr failure;

  /// What `request` refers to.
  Label label;
  std::shared_ptr<SequenceRecord> sequence;
  /// How long it may wait, and until when: by the backend's clock, and by the steady one, which
  /// counts where a virtual clock stands still.
  Timeout limit;
  TimePoint deadline{};
  TimePoint steady_deadline{};

  // The ring's state mutex guards all below.
  Phase phase = Phase::idle;
  std::uint32_t references = 0;
  /// Its deadline came first. It waits no more, but may not have been told.
  bool timed_out = false;
  /// It was taken back while it was being answered: nobody is told.
  bool taken_back = false;
  AcquireRequest* pool_next = nullptr;
};

}  // namespace cbr::detail
