// The receipt of a submission.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <optional>

#include <cbr/types.h>

namespace cbr {

namespace detail {
class RingCore;
struct Submission;
}  // namespace detail

/// The receipt of one submission: whether it has ended, how, and when the GPU ran it.
///
/// A ticket can be copied; copies speak of the same submission. It stays usable after its slot was
/// used again and after its ring is gone. All functions may be called by any thread.
class Ticket {
 public:
  /// An empty ticket: valid() is false, and the other functions throw InvalidUsage.
  Ticket() noexcept = default;
  Ticket(const Ticket& other) noexcept;
  Ticket(Ticket&& other) noexcept;
  Ticket& operator=(const Ticket& other) noexcept;
  Ticket& operator=(Ticket&& other) noexcept;
  ~Ticket();

  [[nodiscard]] bool valid() const noexcept { return submission_ != nullptr; }

  /// Blocks until this submission has ended; it does not wait for later ones. Throws what the
  /// submission failed with (ExecutionFailed, DeviceLost).
  void wait() const;

  /// The same with a limit. Returns false if the work was still in flight at the deadline, which
  /// changes nothing: wait again when you like.
  [[nodiscard]] bool wait_for(std::chrono::nanoseconds timeout) const;
  [[nodiscard]] bool wait_until(TimePoint deadline) const;

  /// True once the submission has ended, well or not. Does not block.
  [[nodiscard]] bool done() const;

  /// What the submission failed with; null if it succeeded or has not ended. Does not block.
  [[nodiscard]] std::exception_ptr error() const;

  /// When the GPU ran the submission; empty until it has ended, and where the device can't tell.
  /// Does not block.
  [[nodiscard]] std::optional<GpuInterval> gpu_interval() const;

  [[nodiscard]] SlotIndex slot() const;
  [[nodiscard]] QueueIndex queue() const;
  [[nodiscard]] Serial serial() const;

 private:
  friend class detail::RingCore;
  Ticket(std::shared_ptr<detail::RingCore> core, detail::Submission* submission) noexcept;
  void require_valid(const char* function) const;

  std::shared_ptr<detail::RingCore> core_;
  detail::Submission* submission_ = nullptr;
};

}  // namespace cbr
