/// @file
/// The right to record into one slot.
#pragma once

#include <memory>
#include <source_location>
#include <string_view>

#include <cbr/backend.h>
#include <cbr/ticket.h>
#include <cbr/types.h>

namespace cbr {

namespace detail {
class RingCore;
struct Submission;
}  // namespace detail

/// An exclusive, move-only right to record into one slot of a ring.
///
/// It ends by submit() or by discard(). Destruction discards too: the slot is free again and
/// nothing runs; unless an exception is being handled, the ring then warns with the place of
/// acquisition, because a lease forgotten is more often an error than a wish.
///
/// Threads: one thread at a time uses a lease; it may move from thread to thread. Different leases
/// record on different threads at once. Outliving the ring is safe: submit() then throws.
class Lease {
 public:
  /// Takes over the slot of `other`, which is empty afterwards.
  Lease(Lease&& other) noexcept;
  /// Discards what this lease held, then does the same.
  Lease& operator=(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  /// Discards, and warns of it, if the lease was not ended.
  ~Lease();

  /// Ends recording and hands the commands to the GPU. Does not wait for it. The lease is empty
  /// afterwards, also when this throws. A lease of a Sequence is handed over once those before it
  /// have ended; until then its ticket's serial is 0.
  /// Throws SubmitFailed or another BackendError if the driver refused (the slot is free again),
  /// DeviceLost, InvalidUsage on an empty lease or a ring that is gone.
  Ticket submit(std::source_location where = std::source_location::current()) &&;

  /// Gives the slot back; nothing runs. Does nothing to an empty lease. Does not wait.
  void discard() noexcept;

  /// Keeps `object` until the GPU is done with this submission, well or not: a buffer that the
  /// commands use, say. The ring's completion thread then drops the reference, after the ticket's
  /// callbacks and in the order given here; where nothing is submitted, the thread that ends the
  /// lease does so at once. Starts the completion thread of the slot's queue if there is none yet.
  /// Throws InvalidUsage on an empty lease, std::system_error if no thread can be had.
  void keep_alive(std::shared_ptr<const void> object);

  /// Names the work in messages about hangs and failures. The first 31 bytes are kept. Throws
  /// InvalidUsage on an empty lease.
  void set_label(std::string_view label);

  /// True until the lease was submitted, discarded or moved from.
  [[nodiscard]] bool valid() const noexcept { return core_ != nullptr; }

  /// The slot held. The lease must be valid.
  [[nodiscard]] SlotIndex slot() const noexcept { return slot_; }

  /// The queue that will run the work. Throws InvalidUsage on an empty lease.
  [[nodiscard]] QueueIndex queue() const;

  /// The API that native_handle() belongs to. Throws InvalidUsage on an empty lease.
  [[nodiscard]] Api api() const;

  /// The native command buffer, begun and ready for recording; valid as long as the lease is. Use
  /// cbr::vulkan::command_buffer(lease) and its kin, which check the type. Throws InvalidUsage on
  /// an empty lease.
  [[nodiscard]] void* native_handle() const;

  /// The backend that the slot belongs to. Throws InvalidUsage on an empty lease.
  [[nodiscard]] Backend& backend() const;

 private:
  friend class detail::RingCore;
  Lease(std::shared_ptr<detail::RingCore> core, SlotIndex slot, detail::Submission* submission,
        void* native_handle) noexcept;
  void require_valid(const char* function) const;

  std::shared_ptr<detail::RingCore> core_;
  /// What will be known of the submission; this lease's alone until then.
  detail::Submission* submission_ = nullptr;
  void* native_handle_ = nullptr;
  int exceptions_at_acquire_ = 0;
  SlotIndex slot_{};
};

}  // namespace cbr
