/// @file
/// The right to record into one slot.
#pragma once

#include <memory>
#include <source_location>
#include <string_view>

#include <cbr/backend.h>
#include <cbr/dependency.h>
#include <cbr/ticket.h>
#include <cbr/types.h>

namespace cbr {

namespace detail {
class LeaseAccess;
class SlotLeasing;
struct Submission;
}  // namespace detail

/// How a lease is submitted.
struct SubmitOptions {
  /// What has to have ended before the GPU starts this work: submissions of any queue, ring or
  /// backend of the same device, and of others with DependencyOptions::allow_host_wait. The GPU
  /// waits, and not the host: submit() returns at once, and what comes later on the queue waits
  /// behind this work.
  ///
  /// What such a submission waits for has been written, and can be seen by it: on Vulkan the wait
  /// is a memory dependency on everything that the other submission wrote, of the same queue or
  /// another. (Images and exclusively shared buffers of another family still need their ownership
  /// transferred.) Without it, work on one queue starts in the order of serials, but needs barriers
  /// to see what earlier work wrote. Nothing is waited for where a ring has ended, and its work
  /// with it: then barriers have to do what the wait did. On Metal both backends need
  /// metal::BackendOptions::timelines.
  ///
  /// A submission that a Sequence holds back can be waited for as well; this one is then held back
  /// until that one is sent.
  Dependencies after = {};
};

/// An exclusive, move-only right to record into one slot of a ring.
///
/// It ends by submit() or by discard(). Destruction discards too: the slot is free again and
/// nothing runs; unless an exception is being handled, the ring then warns with the place of
/// acquisition, because a lease forgotten is more often an error than a wish.
///
/// Threads: one thread at a time uses a lease; it may move from thread to thread. Different leases
/// record on different threads at once.
///
/// A lease may outlive its ring, and race its end: recording into native_handle() stays safe until
/// the lease ends, and submit() throws InvalidUsage. In a child that was forked off, all functions
/// that reach the ring throw InvalidUsage, and destruction does nothing.
class Lease {
 public:
  /// An empty lease: valid() is false, and the functions that say so throw InvalidUsage.
  Lease() noexcept = default;
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
  /// DeviceLost, InvalidUsage on an empty lease, a ring that is gone, and for dependencies that
  /// can't be had: an empty ticket, one that waits for this very lease, or one of another device
  /// without allow_host_wait. With it, std::system_error if there can be no thread that sees that
  /// work end; and where the ring of such a ticket is just ending, this waits for that work. After
  /// a throw the slot is free again, and nothing runs.
  Ticket submit(SubmitOptions options = {},
                std::source_location where = std::source_location::current()) &&;

  /// Gives the slot back; nothing runs. Does nothing to an empty lease. Does not wait.
  void discard() noexcept;

  /// Keeps `object` until the GPU is done with this submission, well or not: a buffer that the
  /// commands use, say. The ring's completion thread then drops the reference, after the ticket's
  /// callbacks and in the order given here; where nothing is submitted, the thread that ends the
  /// lease does so at once. Starts the completion thread of the slot's queue if there is none yet
  /// and the ring has not ended. Throws InvalidUsage on an empty lease, std::system_error if no
  /// thread can be had; `object` is then not kept.
  void keep_alive(std::shared_ptr<const void> object);

  /// Names the work in messages about hangs and failures. The first 31 bytes are kept. Throws
  /// InvalidUsage on an empty lease.
  void set_label(std::string_view label);

  /// True until the lease was submitted, discarded or moved from.
  [[nodiscard]] bool valid() const noexcept { return submission_ != nullptr; }

  /// The slot held. Throws InvalidUsage on an empty lease.
  [[nodiscard]] SlotIndex slot() const;

  /// The queue that will run the work. Throws InvalidUsage on an empty lease.
  [[nodiscard]] QueueIndex queue() const;

  /// The API that native_handle() belongs to. Throws InvalidUsage on an empty lease.
  [[nodiscard]] Api api() const;

  /// The native command buffer, begun and ready for recording; valid as long as the lease is, after
  /// the ring's end too. Use cbr::vulkan::command_buffer(lease) and its kin, which check the type.
  /// Throws InvalidUsage on an empty lease.
  [[nodiscard]] void* native_handle() const;

  /// The native objects of the slot, for functions of a backend that say more of a submission than
  /// submit() does, as cbr::vulkan::submit does; valid as long as the lease. Null where the backend
  /// has no such functions. Throws InvalidUsage on an empty lease.
  [[nodiscard]] NativeSlot* native_slot() const;

  /// The backend that the slot belongs to; it lives as long as the lease, but may serve another
  /// ring once this one has ended. Throws InvalidUsage on an empty lease.
  [[nodiscard]] Backend& backend() const;

 private:
  friend class detail::LeaseAccess;
  friend class detail::SlotLeasing;
  Lease(detail::Submission& submission, void* native_handle) noexcept;
  detail::Submission& require_valid(const char* function) const;

  /// What will be known of the submission, this lease's alone until then; it keeps the ring's core.
  detail::Submission* submission_ = nullptr;
  void* native_handle_ = nullptr;
  int exceptions_at_acquire_ = 0;
};

}  // namespace cbr
