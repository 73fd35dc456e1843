/// @file
/// The narrow interface between the ring and a GPU API.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
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
  /// A backend of the program's own; what its handles are, it knows.
  custom,
};

/// What the ring asks a backend to prepare.
struct SlotLayout {
  /// Number of slots, at least 1.
  std::uint32_t ring_size = 1;
  /// Slots carry the debug label "<ring_name> #<index>".
  std::string_view ring_name;
  /// Which times the GPU is to note.
  GpuTimes gpu_times = GpuTimes::both;
  /// Takes one line on what no call can throw, because it concerns none: a look for a lost device
  /// that failed, or a misuse that was seen too late. May be called in any call of the backend
  /// until detach() returns. Null: nobody wants to know.
  std::function<void(std::string_view text)> report = nullptr;
};

/// The native objects of a slot, for whoever needs them longer than their backend.
class NativeSlot {
 public:
  NativeSlot() = default;
  NativeSlot(const NativeSlot&) = delete;
  NativeSlot& operator=(const NativeSlot&) = delete;
  /// Destroys the objects. The GPU doesn't use them.
  virtual ~NativeSlot() = default;
};

/// How far the work of one queue of a ring has come, as submissions of the same device can wait for
/// it on the GPU. Goes with the last submission that waits, so it may outlive the ring, but not the
/// device.
class QueueTimeline {
 public:
  QueueTimeline() = default;
  QueueTimeline(const QueueTimeline&) = delete;
  QueueTimeline& operator=(const QueueTimeline&) = delete;
  /// No work that waits for it is pending.
  virtual ~QueueTimeline() = default;
  /// Identifies the device whose submissions can wait for it: different for two devices that live
  /// at the same time, of whatever API.
  [[nodiscard]] virtual const void* device() const noexcept = 0;
};

/// A point of a queue's work that a submission waits for on the GPU: the submission `serial`.
/// Where a queue has one counter, as on Vulkan, that is everything before it too.
struct TimelinePoint {
  /// The progress of the queue; not null. For a queue of the same ring it owns no share: the
  /// backend keeps that itself until its work has ended.
  std::shared_ptr<const QueueTimeline> timeline;
  /// The submission, which the driver has got already.
  Serial serial;
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
/// | function | when | by whom | locks of the ring held |
/// |---|---|---|---|
/// | attach, detach | a ring begins, ends | one thread, alone | none |
/// | add_slot, remove_slot | the ring's size changes | one thread at a time | structure |
/// | begin | a slot was leased | who acquired | none |
/// | submit | a lease is submitted, or what was held is sent | one thread a queue | its submit |
/// | gather, flush | instead of submit, if the ring coalesces | one thread a queue | its submit |
/// | discard | a lease is given up | who has the lease | none |
/// | completed, finish | someone looks for the end of work | one thread a queue | its retire |
/// | wait | someone waits | any number of threads | none |
/// | wake | a wait is to end | any thread | none, or structure |
/// | timeline | a ring begins | one thread, alone | none |
/// | native_slot | a slot was begun | who acquired | none |
/// | abandon | the ring ends, the slot is leased | the thread that ends the ring | state |
/// | relax, now | at any time | any number of threads | any |
/// | the others | at any time | any number of threads | none |
///
/// The calls for one slot come one at a time. Nothing here may call the ring. `begin`, `submit`,
/// `gather`, `flush`, `completed`, `finish`, `wake` and `now` don't block.
///
/// Failures: `DeviceLost` from any function is final. Any other exception concerns that call only:
/// it may be made again.
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
  /// Destroys them, those of slots that are being recorded included. The ring guarantees that no
  /// slot is in flight, unless the device is lost.
  virtual void detach() noexcept = 0;
  /// Hands out the native objects of a slot that is being recorded, so that the handle of `begin`
  /// stays valid after detach(), which follows: until the result is destroyed. The backend forgets
  /// the slot. Allocates nothing and calls no driver.
  virtual std::unique_ptr<NativeSlot> abandon(SlotIndex slot) noexcept = 0;

  /// Creates the native objects of a slot that was not there: the first one past the last, or one
  /// that was removed. Other slots may be in use at the same time. One thread at a time adds or
  /// removes. Throws BackendError; the slot is then not there.
  virtual void add_slot(SlotIndex slot) = 0;
  /// Destroys those of a slot that is neither leased nor in flight.
  virtual void remove_slot(SlotIndex slot) noexcept = 0;

  /// How far a queue has come, for submissions of the same device to wait for; null where the GPU
  /// can't. The same for one queue from attach() to detach(). A backend that gives timelines takes
  /// those of its device in `submit`.
  [[nodiscard]] virtual std::shared_ptr<const QueueTimeline> timeline(QueueIndex /*queue*/) const {
    return nullptr;
  }

  /// Makes the slot's command buffer ready for recording and returns its native handle, which stays
  /// valid until `submit` or `discard`. The slot's earlier work has finished. Does not block.
  virtual void* begin(SlotIndex slot) = 0;
  /// The native objects of a slot that was begun, the ones that `abandon` would hand out, for
  /// functions that say more of a submission than `submit` does: see Lease::native_slot(). Null
  /// where there are no such functions.
  [[nodiscard]] virtual NativeSlot* native_slot(SlotIndex /*slot*/) noexcept { return nullptr; }
  /// Ends recording and submits; the GPU starts the work once all of `waits` have been reached, and
  /// the work sees what was written up to then. They are points of timelines of the same device,
  /// and the backend may move from them.
  /// Submissions of one queue execute in serial order. On a throw nothing was submitted, `serial`
  /// may be used again and the slot may be begun again. Does not block.
  virtual void submit(SlotIndex slot, Serial serial, std::span<TimelinePoint> waits) = 0;

  /// Whether it can hand several submissions to the driver in one call, so that the GPU goes from
  /// one to the next in less time: `gather` and `flush`. The same in every call.
  [[nodiscard]] virtual bool coalesces() const noexcept { return false; }
  /// As `submit`, with nothing to wait for, but the work may be kept for a while: until `submit` or
  /// `flush` of its queue, which hand over what was gathered in one native submission. Such work
  /// ends together: `completed` goes over all of it at once. Nobody waits for it before it is
  /// handed over. A backend with a virtual clock hands it over itself at `send_by`, since no thread
  /// can. Returns false if the work has gone to the driver, as `submit` would have it: some can't
  /// be kept. Only for a backend that coalesces().
  virtual bool gather(SlotIndex slot, Serial serial, TimePoint send_by);
  /// Hands over what a queue has gathered. Where the driver refuses that, the work ends with the
  /// failure, in its turn and for `finish` to tell; the same may be where `submit` takes it along
  /// and throws. If this throws, all is still gathered.
  virtual void flush(QueueIndex /*queue*/) {}

  /// Gives up a recording: nothing runs, the slot may be begun again.
  virtual void discard(SlotIndex slot) noexcept = 0;

  /// The newest serial of which it and all before it on this queue have ended. Does not block.
  virtual Serial completed(QueueIndex queue) = 0;
  /// How the slot's last submission ended: a failure of the work is in the result. Called once for
  /// each, after `completed` covered it, in the order of the queue's serials. Where its times can't
  /// be read it throws BackendError, and the work counts as ended well, without times; with any
  /// other exception it counts as failed.
  virtual Completion finish(SlotIndex slot) = 0;

  /// Blocks until one of `points` has ended, until `wake()` was called with a number of
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

  /// Whether `wait` takes CPU time for as long as it lasts, or for much of it. A ring then sleeps
  /// before it waits, as far as it can foresee the end: WaitStrategy::adaptive. The same in every
  /// call.
  [[nodiscard]] virtual bool waits_spin() const noexcept { return false; }
  /// Whether `now` counts another time than the one that passes. Nobody sleeps by it then. The same
  /// in every call.
  [[nodiscard]] virtual bool has_virtual_clock() const noexcept { return false; }

  /// The clock by which deadlines and waiting times count. Virtual, so that a simulated GPU can
  /// make time pass at will.
  [[nodiscard]] virtual TimePoint now() const noexcept { return Clock::now(); }
};

}  // namespace cbr
