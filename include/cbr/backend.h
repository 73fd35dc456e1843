/// @file
/// The narrow interface between the ring and a GPU API.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <cbr/types.h>

namespace cbr {

/// The GPU API behind a backend.
enum class Api : std::uint8_t {
  /// Handles are the simulated GPU's own: see simulated::record().
  simulated,
  /// Handles are VkCommandBuffer.
  vulkan,
  /// Handles are id<MTLCommandBuffer>.
  metal,
  /// Handles are id<MTL4CommandBuffer>.
  metal4,
};

/// What the ring asks a backend to prepare.
struct SlotLayout {
  /// Number of slots, at least 1.
  std::uint32_t ring_size = 1;
  /// Slots carry the debug label "<ring_name> #<index>".
  std::string_view ring_name;
};

/// How a wait ended.
enum class WaitStatus : std::uint8_t {
  /// One of the points has ended.
  reached,
  /// Backend::wake() ended it.
  woken,
  /// The deadline came first.
  timed_out,
};

/// The slots of one ring on a GPU API: native command buffers, and the queues that run them.
///
/// A backend serves one ring at a time: the ring attaches on construction and detaches on
/// destruction. Slot i belongs to queue i modulo queue_count().
///
/// Threads: `begin`, `submit`, `discard` and `finish` are called by one thread at a time for a
/// given slot, and `submit` by one thread at a time for a given queue; otherwise every function may
/// be called by any thread at any time. The ring never holds a lock that completion needs while it
/// calls a backend.
///
/// Failures: `DeviceLost` from any function is final. Any other exception concerns that call only.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  /// Which API the handles of `begin` belong to. The same in every call.
  [[nodiscard]] virtual Api api() const noexcept = 0;
  /// How many queues it has, at least 1. The same in every call.
  [[nodiscard]] virtual std::uint32_t queue_count() const noexcept = 0;

  /// How much the device favours a queue over its others, from 0 to 1. Queues of one priority have
  /// one value.
  [[nodiscard]] virtual float queue_priority(QueueIndex /*queue*/) const noexcept { return 1.0F; }

  /// Creates the native objects of `layout.ring_size` slots. Throws InvalidUsage if a ring is
  /// attached already, BackendError if the objects can't be created.
  virtual void attach(const SlotLayout& layout) = 0;
  /// Destroys them. The ring guarantees that no slot is in flight, unless the device is lost.
  virtual void detach() noexcept = 0;

  /// Creates the native objects of a slot that was not there: the first one past the last, or one
  /// that was removed. Other slots may be in use at the same time. One thread at a time adds or
  /// removes. Throws BackendError; the slot is then not there.
  virtual void add_slot(SlotIndex slot) = 0;
  /// Destroys those of a slot that is neither leased nor in flight.
  virtual void remove_slot(SlotIndex slot) noexcept = 0;

  /// Makes the slot's command buffer ready for recording and returns its native handle, which stays
  /// valid until `submit` or `discard`. The slot's earlier work has finished. Does not block.
  virtual void* begin(SlotIndex slot) = 0;
  /// Ends recording and submits. Submissions of one queue execute in serial order. On a throw
  /// nothing was submitted, `serial` may be used again and the slot may be begun again. Does not
  /// block.
  virtual void submit(SlotIndex slot, Serial serial) = 0;
  /// Gives up a recording: nothing runs, the slot may be begun again.
  virtual void discard(SlotIndex slot) noexcept = 0;

  /// The newest serial of which it and all before it on this queue have ended. Does not block.
  virtual Serial completed(QueueIndex queue) = 0;
  /// How the slot's last submission ended. Called once for each, after `completed` covered it.
  virtual Completion finish(SlotIndex slot) = 0;

  /// Blocks until one of `points` has ended, until `wake(ticket)` was called with a number of
  /// `wake_number` or more, or until `deadline`. With `wake_number` 0 the wait is not to be woken,
  /// which is cheaper. Returns `reached` rather than the others where several hold.
  virtual WaitStatus wait(std::span<const SyncPoint> points, std::uint64_t wake_number,
                          TimePoint deadline) = 0;
  /// Ends every wait, current or later, whose number is at most `wake_number`. Numbers count
  /// from 1.
  virtual void wake(std::uint64_t wake_number) = 0;

  /// Called between two looks at `completed` by a thread that spins: tells the CPU so. Virtual, so
  /// that a simulated GPU can let time pass.
  virtual void relax() noexcept;

  /// The clock by which deadlines and waiting times count. Virtual, so that a simulated GPU can
  /// make time pass at will.
  [[nodiscard]] virtual TimePoint now() const noexcept { return Clock::now(); }
};

}  // namespace cbr
