/// @file
/// The receipt of a submission.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <cbr/options.h>
#include <cbr/types.h>

namespace cbr {

struct TimelinePoint;

namespace detail {
class RingCore;
class TicketAccess;
class TicketAwaiter;
class CallbackNode;
struct Submission;
}  // namespace detail

/// Takes back a callback that was given to Ticket::on_complete. Move-only; letting go of it leaves
/// the callback in place. It may outlive ticket and ring.
class CallbackHandle {
 public:
  /// A handle of nothing.
  CallbackHandle() noexcept = default;
  /// Leaves `other` without a callback.
  CallbackHandle(CallbackHandle&& other) noexcept;
  /// Lets go of the callback it had, and leaves `other` without one.
  CallbackHandle& operator=(CallbackHandle&& other) noexcept;
  CallbackHandle(const CallbackHandle&) = delete;
  CallbackHandle& operator=(const CallbackHandle&) = delete;
  /// Lets go of the callback, which will run.
  ~CallbackHandle();

  /// Takes the callback back. True if it will never run; it is destroyed before this returns, with
  /// no lock held. False if it has run, if it is running on this very thread, or if there is none.
  /// Where it is running on another thread this waits for it, so that afterwards nothing of it is
  /// in use either way. The handle is empty afterwards. Any thread may call this; one at a time.
  bool cancel() noexcept;

  /// Whether there is a callback to take back; it may have run.
  [[nodiscard]] bool valid() const noexcept { return node_ != nullptr; }

 private:
  friend class Ticket;
  /// Takes over a reference.
  explicit CallbackHandle(detail::CallbackNode* node) noexcept : node_(node) {}
  detail::CallbackNode* node_ = nullptr;
};

/// The receipt of one submission: whether it has ended, how, and when the GPU ran it.
///
/// A ticket can be copied; copies speak of the same submission. It stays usable after its slot was
/// used again and after its ring is gone: by then it has ended. All functions may be called by any
/// thread. In a child that was forked off, a ticket that had ended goes on telling how, and the
/// others throw InvalidUsage.
class Ticket {
 public:
  /// An empty ticket: valid() is false, and the other functions throw InvalidUsage.
  Ticket() noexcept = default;
  /// Both speak of the same submission.
  Ticket(const Ticket& other) noexcept;
  /// Leaves `other` empty.
  Ticket(Ticket&& other) noexcept : submission_(std::exchange(other.submission_, nullptr)) {}
  /// Lets go of what it spoke of; then both speak of the same submission.
  Ticket& operator=(const Ticket& other) noexcept { return *this = Ticket(other); }
  /// Lets go of what it spoke of, and leaves `other` empty.
  Ticket& operator=(Ticket&& other) noexcept {
    if (this != &other) {
      const Ticket old(std::exchange(submission_, std::exchange(other.submission_, nullptr)));
    }
    return *this;
  }
  /// Lets go of the receipt; the submission goes on. Doesn't block.
  ~Ticket() {
    if (submission_ != nullptr) let_go();
  }

  /// Whether this is the receipt of a submission; false if empty or moved from.
  [[nodiscard]] bool valid() const noexcept { return submission_ != nullptr; }

  /// Blocks until this submission has ended; it does not wait for later ones. Throws what the
  /// submission failed with (ExecutionFailed, DeviceLost); BackendError if the wait itself fails,
  /// which changes nothing: the work goes on.
  void wait() const;

  /// The same with a limit. Returns false if the work was still in flight when it was reached,
  /// which changes nothing: wait again when you like.
  [[nodiscard]] bool wait_for(Timeout timeout) const;
  /// The same until a time by the ring's clock: CommandBufferRing::now().
  [[nodiscard]] bool wait_until(TimePoint deadline) const;

  /// True once the submission has ended, well or not. Does not block. Throws BackendError if
  /// looking fails, which changes nothing; so do the three below.
  [[nodiscard]] bool done() const;

  /// What the submission failed with; null if it succeeded or has not ended. Does not block.
  [[nodiscard]] std::exception_ptr error() const;

  /// When the GPU ran the submission; empty until it has ended, where the device can't tell, where
  /// RingOptions::gpu_times doesn't ask for it, and where what the device told can't be true. Does
  /// not block.
  [[nodiscard]] std::optional<GpuInterval> gpu_interval() const;

  /// When the GPU had ended it, by the same clock: there with GpuTimes::end too. Empty where
  /// gpu_interval() says. Does not block.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> gpu_end() const;

  /// Calls `callback` once the submission has ended, well or not, with no lock held: on the ring's
  /// completion thread, or at once on this thread if it has ended already. On the completion thread
  /// the callbacks of one submission run in the order in which they were given, those of one queue
  /// in the order of its serials; one that runs at once waits for none of them. The ticket that
  /// they get is done; error() tells how.
  ///
  /// A callback must not wait for a slot (on the completion thread acquire() throws InvalidUsage)
  /// and should be short: those behind it wait. Steps don't wait for callbacks: if these take
  /// longer, they pile up, with what they hold. An exception from one goes to the log sink. Starts
  /// the completion thread of the queue if there is none yet; throws std::system_error if no thread
  /// can be had, and the callback is then not taken.
  ///
  /// The result takes the callback back; let go of it where that is not needed.
  CallbackHandle on_complete(std::function<void(const Ticket& ticket)> callback) const;

  /// `co_await ticket`: suspends until the submission has ended, resumes on the executor in the
  /// ring's options, and throws what the submission failed with. Doesn't suspend if it has ended.
  ///
  /// A coroutine that is suspended here may be destroyed instead of resumed: by any thread until
  /// the executor gets its handle, and then by whoever has the handle. Where the ring is just
  /// calling the executor, the coroutine's end waits for that call; so look afterwards for a handle
  /// that the executor has put somewhere. Without an executor the completion thread resumes the
  /// coroutine, and nobody else may destroy it once the submission may have ended.
  [[nodiscard]] detail::TicketAwaiter operator co_await() const;
  /// `co_await ticket.resume_on(executor)`: the same with an executor of your own.
  [[nodiscard]] detail::TicketAwaiter resume_on(Executor executor) const;

  /// The slot that it ran in, which other work may hold by now.
  [[nodiscard]] SlotIndex slot() const;
  /// The queue that runs it.
  [[nodiscard]] QueueIndex queue() const;
  /// The submission's number on its queue; 0 while a Sequence holds it back.
  [[nodiscard]] Serial serial() const;
  /// The point of its queue's timeline, for whoever makes others wait for it on the GPU by the
  /// API's own means: cbr::vulkan::timeline_point and its kin read it. Empty while the submission
  /// is held back, where it never ran, where the backend offers nothing to wait for, and once the
  /// ring has ended: then there is nothing to wait for. Sends what is gathered up to it
  /// (RingOptions::coalescing), and throws what that throws: SubmitFailed or BackendError. Does not
  /// block.
  [[nodiscard]] std::optional<TimelinePoint> timeline_point() const;
  /// Queue and serial: what can be compared.
  [[nodiscard]] SyncPoint sync_point() const { return {queue(), serial()}; }

 private:
  friend class detail::RingCore;
  friend class detail::TicketAwaiter;
  friend class detail::TicketAccess;
  /// Takes over a reference.
  explicit Ticket(detail::Submission* submission) noexcept : submission_(submission) {}
  detail::Submission& require_valid(const char* function) const;
  void let_go() noexcept;

  /// Keeps the ring's core.
  detail::Submission* submission_ = nullptr;
};

/// Blocks until one of `tickets` has ended, well or not, and returns its index; the lowest, if
/// several have. The tickets may be of different rings, and this may be called wherever
/// Ticket::wait may. It costs time in proportion to the tickets, starts no thread and leaves
/// nothing behind. Tickets of one ring are waited for in one wait of its backend; with several
/// rings the thread looks at each in turn, and learns of an end up to a millisecond late. Throws
/// InvalidUsage if there are none or one is empty.
[[nodiscard]] std::size_t wait_any(std::span<const Ticket> tickets);
/// The same with a limit; empty if none ended in time.
[[nodiscard]] std::optional<std::size_t> wait_any_for(std::span<const Ticket> tickets,
                                                      Timeout timeout);

/// Blocks until all of `tickets` have ended; then throws the failure of the first that failed, in
/// the order given. Throws InvalidUsage at once if one is empty, and what ends a wait, as
/// RingOptions::interrupt_check may, while others are still in flight.
void wait_all(std::span<const Ticket> tickets);
/// The same with a limit for all together; false if one was still in flight then.
[[nodiscard]] bool wait_all_for(std::span<const Ticket> tickets, Timeout timeout);

namespace detail {

/// Something to be done once a submission has ended. It hangs on the submission until then, and the
/// ring's state mutex guards it.
class Continuation {
 public:
  Continuation() = default;
  Continuation(const Continuation&) = delete;
  Continuation& operator=(const Continuation&) = delete;
  virtual ~Continuation() = default;
  /// Called once, with no lock held. May destroy this object, unless it is a callback.
  virtual void run(const Ticket& ticket) noexcept = 0;

  /// The submission that it hangs on; null before and after.
  Submission* queued_on = nullptr;
  Continuation* previous = nullptr;
  Continuation* next = nullptr;
  /// A callback: it lives on after run(), as long as its handle.
  bool is_callback = false;
};

/// What `co_await ticket` waits with; lives in the coroutine's frame.
class TicketAwaiter final : private Continuation {
 public:
  TicketAwaiter(Ticket ticket, Executor executor)
      : ticket_(std::move(ticket)), executor_(std::move(executor)) {}
  /// Takes it back, if the coroutine is destroyed while it is suspended.
  ~TicketAwaiter() override;
  [[nodiscard]] bool await_ready() const { return ticket_.done(); }
  /// False if the submission has ended meanwhile: the coroutine goes on at once.
  bool await_suspend(std::coroutine_handle<> coroutine);
  void await_resume() {
    coroutine_ = {};
    ticket_.wait();
  }

 private:
  void run(const Ticket& ticket) noexcept override;

  Ticket ticket_;
  Executor executor_;
  std::coroutine_handle<> coroutine_;
};

}  // namespace detail

}  // namespace cbr
