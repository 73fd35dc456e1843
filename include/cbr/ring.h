// Command Buffer Ring: keep a GPU busy.
//
// A ring holds N slots of GPU command buffers. The CPU records step n+1 while the GPU runs step n:
//
//     cbr::CommandBufferRing ring(backend, {.ring_size = 3});
//     cbr::Lease lease = ring.acquire();               // waits if every slot is in flight
//     record(cbr::vulkan::command_buffer(lease));      // already begun
//     cbr::Ticket ticket = std::move(lease).submit();  // returns at once
//     ticket.wait();                                   // optional
//     ring.drain();
//
// A slot is free, leased or in flight, and nothing else:
//
//              acquire                  submit
//     free ──────────────▶ leased ──────────────▶ in flight
//      ▲                      │                       │
//      │   discard, failed    │                       │  the GPU is done
//      └──────────────────────┴───────────────────────┘
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <source_location>

#include <cbr/backend.h>
#include <cbr/errors.h>
#include <cbr/lease.h>
#include <cbr/options.h>
#include <cbr/statistics.h>
#include <cbr/ticket.h>
#include <cbr/types.h>

namespace cbr {

/// A ring of command-buffer slots on one backend.
///
/// Threads: every function may be called by any thread at any time; the destructor by one, once no
/// other call is under way. No lock is held across a wait, a driver call that completion needs, or
/// a user's callback.
class CommandBufferRing {
 public:
  /// Attaches to `backend`, which the ring then shares; one ring at a time uses a backend.
  /// Throws InvalidOption, BackendError, or InvalidUsage if another ring is attached.
  explicit CommandBufferRing(std::shared_ptr<Backend> backend, RingOptions options = {});
  CommandBufferRing(const CommandBufferRing&) = delete;
  CommandBufferRing& operator=(const CommandBufferRing&) = delete;
  /// Waits for the work in flight, unless the device is lost. Leases still held become empty
  /// promises: their submit() throws. They are reported to the log sink.
  ~CommandBufferRing();

  /// Takes a free slot, begun and ready for recording. Waits while every slot is leased or in
  /// flight, at most `timeout_ms` of the options. Waiting callers are served in order of arrival.
  /// Throws AcquireTimeout, DeviceLost, BackendError if recording can't begin.
  [[nodiscard]] Lease acquire(std::source_location where = std::source_location::current());
  /// The same with a limit of its own: zero or less doesn't wait at all.
  [[nodiscard]] Lease acquire(std::chrono::nanoseconds timeout,
                              std::source_location where = std::source_location::current());

  /// Takes a slot if one is free now; else returns nothing. Never waits for the GPU. Throws
  /// DeviceLost, BackendError.
  [[nodiscard]] std::optional<Lease> try_acquire(
      std::source_location where = std::source_location::current());
  /// Takes a slot if one gets free within `timeout`; else returns nothing. Throws DeviceLost,
  /// BackendError.
  [[nodiscard]] std::optional<Lease> try_acquire_for(
      std::chrono::nanoseconds timeout,
      std::source_location where = std::source_location::current());

  /// Waits until all work that was submitted before this call has ended, well or not: failures are
  /// for the tickets to tell. Leases don't hold it up. Throws DeviceLost.
  void drain();

  /// The counters at one moment. Notices completed work first; doesn't wait for the GPU.
  [[nodiscard]] RingStatistics statistics() const;
  /// Starts counting anew, as if what is leased or in flight at this moment had just come in: the
  /// equations in RingStatistics go on holding.
  void reset_statistics();

  [[nodiscard]] std::uint32_t ring_size() const noexcept;
  [[nodiscard]] const std::string& name() const noexcept;
  /// The time by the backend's clock, by which this ring's deadlines count.
  [[nodiscard]] TimePoint now() const noexcept;

 private:
  std::shared_ptr<detail::RingCore> core_;
};

}  // namespace cbr
