/// @file
/// Command Buffer Ring: keep a GPU busy.
///
/// A ring holds N slots of GPU command buffers. The CPU records step n+1 while the GPU runs step n:
///
///     cbr::CommandBufferRing ring(backend, {.ring_size = 3});
///     cbr::Lease lease = ring.acquire();               // waits if every slot is in flight
///     record(cbr::vulkan::command_buffer(lease));      // already begun
///     cbr::Ticket ticket = std::move(lease).submit();  // returns at once
///     ticket.wait();                                   // optional
///     ring.drain();
///
/// A slot is free, leased or in flight, and nothing else:
///
///              acquire                  submit
///     free ──────────────▶ leased ──────────────▶ in flight
///      ▲                      │                       │
///      │   discard, failed    │                       │  the GPU is done
///      └──────────────────────┴───────────────────────┘
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <vector>

#include <cbr/async_acquire.h>
#include <cbr/backend.h>
#include <cbr/diagnosis.h>
#include <cbr/errors.h>
#include <cbr/leak.h>
#include <cbr/lease.h>
#include <cbr/log.h>
#include <cbr/observer.h>
#include <cbr/options.h>
#include <cbr/sequence.h>
#include <cbr/statistics.h>
#include <cbr/ticket.h>
#include <cbr/types.h>

/// Everything of this library.
namespace cbr {

/// A ring of command-buffer slots on one backend.
///
/// Threads: every function may be called by any thread at any time; the destructor, moves and
/// reset() by one, once no other call of this object is under way. (Leases, tickets and sequences
/// are objects of their own: calls of theirs may be.) No lock is held across a wait or a user's
/// callback. After fork() the child can't use the parent's ring: every call throws InvalidUsage but
/// those that only read what was set (sizes, name, spin limit, clock), and destroying it does
/// nothing.
class CommandBufferRing {
 public:
  /// Attaches to `backend`, which the ring then shares; one ring at a time uses a backend. Slots
  /// are dealt out to the backend's queues in turn. With WaitStrategy::hybrid it runs some empty
  /// submissions, to measure how late a blocked thread wakes.
  /// Throws InvalidOption, BackendError, DeviceLost, or InvalidUsage if another ring is attached.
  explicit CommandBufferRing(std::shared_ptr<Backend> backend, RingOptions options = {});
  /// Takes over the ring of `other`, whose leases, tickets and sequences go on. `other` is empty
  /// afterwards: valid() is false, and its functions throw InvalidUsage.
  CommandBufferRing(CommandBufferRing&& other) noexcept;
  /// Ends the ring that this was, as the destructor does; then the same.
  CommandBufferRing& operator=(CommandBufferRing&& other) noexcept;
  CommandBufferRing(const CommandBufferRing&) = delete;
  CommandBufferRing& operator=(const CommandBufferRing&) = delete;
  /// Waits for the work in flight, unless the device is lost, and for callbacks. Leases still held
  /// are reported to the log sink; they can be recorded into, but submit() throws.
  ~CommandBufferRing();

  /// Takes a free slot, begun and ready for recording. Waits while every slot is leased or in
  /// flight, at most for RingOptions::timeout, or for the timeout of the request if it has one.
  /// Waiting callers are served in order of arrival, those of a higher level first where the
  /// strategy is `priority`.
  /// Throws AcquireTimeout, DeviceLost, BackendError if recording can't begin or the wait fails,
  /// InvalidUsage if it would have to wait inside a callback of this ring, InvalidOption for a
  /// priority or queue that is not there.
  [[nodiscard]] Lease acquire(const AcquireOptions& options = {},
                              std::source_location where = std::source_location::current());
  /// The same with a limit of its own: zero or less doesn't wait at all.
  template <typename Rep, typename Period>
  [[nodiscard]] Lease acquire(std::chrono::duration<Rep, Period> timeout,
                              std::source_location where = std::source_location::current()) {
    return acquire(AcquireOptions{.timeout = Timeout(timeout)}, where);
  }

  /// Takes a slot if one is free now, or gets free within the request's timeout if it has one; else
  /// returns nothing. Without a timeout it never waits. Throws what acquire() throws, but for
  /// AcquireTimeout.
  [[nodiscard]] std::optional<Lease> try_acquire(
      const AcquireOptions& options = {},
      std::source_location where = std::source_location::current());
  /// Takes a slot if one gets free within `timeout`; else returns nothing. An absent one waits for
  /// ever. Throws what acquire() throws, but for AcquireTimeout.
  [[nodiscard]] std::optional<Lease> try_acquire_for(
      Timeout timeout, std::source_location where = std::source_location::current());

  /// `co_await ring.acquire_async()`: acquire() that blocks no thread. The coroutine is suspended
  /// while every slot is leased or in flight; the result is its lease, or it throws what acquire()
  /// throws, AcquireTimeout included. The request stands in one queue with those of threads that
  /// wait: the same order, levels, ageing and limits. It asks when it is awaited, once. Several
  /// threads may do so, and callbacks of the ring, where acquire() must not wait.
  ///
  /// The first request that has to wait starts a thread of the library, the acquire thread, which
  /// begins the slot and resumes the coroutine: on RingOptions::executor, else on the acquire
  /// thread itself, where acquire() must not wait for a slot and work should be short, since others
  /// are served after it. A driver's call that fails while the acquire thread waits goes to the log
  /// sink, and it waits on. RingOptions::interrupt_check is not called. This call throws
  /// InvalidOption for a priority or queue that is not there, and InvalidUsage through a Sequence
  /// whose ring is gone; co_await what acquire() throws, and std::system_error if no thread can be
  /// had.
  ///
  /// A coroutine that is suspended here may be destroyed: the request is taken back, and a slot
  /// that it was just given goes to the next that waits. By whom and when is as for `co_await
  /// ticket`; whoever has the handle from the executor may destroy it too, which gives the lease
  /// up. At the ring's end the request fails with InvalidUsage.
  [[nodiscard]] detail::LeaseAwaiter acquire_async(
      const AcquireOptions& options = {},
      std::source_location where = std::source_location::current());
  /// The same with a callback, which gets the lease or the failure: on the acquire thread, or at
  /// once on this thread if there is a free slot, or none to be had. An exception from it goes to
  /// the log sink. Throws InvalidOption, InvalidUsage for a null callback or a ring that is gone,
  /// and std::system_error if no thread can be had; the callback is then not taken.
  ///
  /// The result takes the request back; let go of it where that is not needed.
  AcquireHandle acquire_async(const AcquireOptions& options,
                              std::function<void(AcquireResult result)> callback,
                              std::source_location where = std::source_location::current());

  /// Starts a sequence: leases that run in the order of their acquisition. Bound to the queue with
  /// the least unfinished work. Doesn't wait.
  [[nodiscard]] Sequence sequence();
  /// The same on a queue of your choice. Throws InvalidOption if there is no such queue.
  [[nodiscard]] Sequence sequence(QueueIndex queue);

  /// Waits until all work that was submitted before this call has ended, well or not: failures are
  /// for the tickets to tell. Leases don't hold it up, and so neither does work that is held back:
  /// by a Sequence behind a lease, or for what it depends on. Throws DeviceLost.
  void drain();

  /// Changes the number of slots while work is in flight. Growing serves waiting callers at once.
  /// Shrinking takes the slots with the highest numbers: free ones at once, busy ones as their work
  /// ends, so it doesn't wait. Throws InvalidOption as the constructor does; BackendError if
  /// new slots can't be created, and the size is then what it had come to.
  void set_ring_size(std::uint32_t ring_size);

  /// After a lost device: starts afresh with the same options and size on `backend`. Statistics,
  /// serials and leaked() begin anew. Tickets of the old device go on telling how their work ended;
  /// leases of it can't be submitted any more. Throws what the constructor throws; the ring is then
  /// as it was. Works on a healthy ring too, whose work it waits for.
  void reset(std::shared_ptr<Backend> backend);

  /// The counters at one moment. Notices completed work first; doesn't wait for the GPU. Allocates
  /// nothing with one queue, and with several RingStatistics::gpu_by_queue.
  [[nodiscard]] RingStatistics statistics() const;
  /// What the counters mean, in words: whether the GPU stood idle, why, and what to do about it.
  /// The same as cbr::diagnose(statistics(), leaked().size()), and of a lease that is held for long
  /// it tells where it was acquired; with RingOptions::track_statistics off, it says so instead.
  /// Notices completed work first; doesn't wait for the GPU. Any thread may call it at any time.
  /// Throws what those two throw: InvalidUsage after a move or in a forked child.
  [[nodiscard]] Diagnosis diagnose() const;
  /// Starts counting anew, as if what is leased or in flight at this moment had just come in: the
  /// equations in RingStatistics go on holding.
  void reset_statistics();

  /// What the program has lost track of so far, oldest first: for tests to assert that it is empty.
  /// Holds the first 100. Each was reported to the log sink as well.
  [[nodiscard]] std::vector<Leak> leaked() const;

  /// False for a ring that was moved from.
  [[nodiscard]] bool valid() const noexcept { return core_ != nullptr; }
  /// How many slots the ring has, those about to go after set_ring_size() not counted.
  [[nodiscard]] std::uint32_t ring_size() const;
  /// How many queues the backend has; slots take turns on them.
  [[nodiscard]] std::uint32_t queue_count() const;
  /// How long a wait spins before it blocks: zero for `block` and `adaptive`, the maximum for
  /// `spin`, as measured or given for `hybrid`.
  [[nodiscard]] std::chrono::nanoseconds spin_limit() const;
  /// As in the options.
  [[nodiscard]] std::string name() const;
  /// The time by the backend's clock, by which this ring's deadlines count.
  [[nodiscard]] TimePoint now() const;

 private:
  [[nodiscard]] detail::RingCore& core() const;

  std::shared_ptr<detail::RingCore> core_;
};

}  // namespace cbr
