/// @file
/// Parts of one step, recorded by several threads at once and run in a fixed order.
#pragma once

#include <functional>
#include <memory>
#include <source_location>

#include <cbr/async_acquire.h>
#include <cbr/lease.h>
#include <cbr/options.h>

namespace cbr {

namespace detail {
class RingCore;
struct SequenceRecord;
}  // namespace detail

/// Leases of one sequence run on the GPU in the order in which they were acquired, whatever order
/// their threads finish recording in. The place is reserved by acquire(); a lease that is given up
/// gives up its place, and those behind it move on.
///
///     cbr::Sequence step = ring.sequence();
///     cbr::Lease shadows = step.acquire();   // runs first
///     cbr::Lease lights = step.acquire();    // runs second, even if submitted first
///
/// All parts go to one queue. Submissions outside the sequence are not held up by it. A lease that
/// is submitted out of turn is held back by the ring and handed to the GPU by the thread that ends
/// the lease before it; should the driver then refuse it, its ticket says so.
///
/// Threads: acquire() may be called by any thread; the order between two threads is the order in
/// which they get their slots. The sequence may go before its leases do. Outliving the ring is
/// safe, and so is racing its end: acquire() then throws InvalidUsage, also where it waits.
class Sequence {
 public:
  /// An empty sequence: valid() is false, and the other functions throw InvalidUsage. So is one
  /// that was moved from.
  Sequence() noexcept = default;

  /// Whether this is a sequence of a ring.
  [[nodiscard]] bool valid() const noexcept { return record_ != nullptr; }

  /// As CommandBufferRing::acquire. `options.queue`, where given, must be the sequence's.
  /// Throws what that throws.
  [[nodiscard]] Lease acquire(const AcquireOptions& options = {},
                              std::source_location where = std::source_location::current());

  /// As CommandBufferRing::acquire_async. The place in the sequence is that of the slot: a request
  /// that waits has none yet.
  [[nodiscard]] detail::LeaseAwaiter acquire_async(
      const AcquireOptions& options = {},
      std::source_location where = std::source_location::current());
  /// The same with a callback.
  AcquireHandle acquire_async(const AcquireOptions& options,
                              std::function<void(AcquireResult result)> callback,
                              std::source_location where = std::source_location::current());

  /// The queue that runs all parts.
  [[nodiscard]] QueueIndex queue() const;

 private:
  friend class CommandBufferRing;
  Sequence(std::shared_ptr<detail::RingCore> core,
           std::shared_ptr<detail::SequenceRecord> record) noexcept;

  std::shared_ptr<detail::RingCore> core_;
  std::shared_ptr<detail::SequenceRecord> record_;
};

}  // namespace cbr
