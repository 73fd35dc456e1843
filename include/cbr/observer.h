/// @file
/// Learns what a ring does, as it does it: for traces and metrics.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include <cbr/submission_times.h>
#include <cbr/types.h>

namespace cbr {

/// A slot was leased.
struct AcquireEvent {
  /// The slot that was taken.
  SlotIndex slot{};
  /// The queue that the slot belongs to.
  QueueIndex queue{};
  /// How long the caller waited; zero if a slot was free.
  std::chrono::nanoseconds waited{0};
  /// The lease's label, as the request gave it. Valid during the call.
  std::string_view label{};
  /// When the slot was asked for, by the clock of Backend::now(): for the first time, where the
  /// thread had tried in vain since it got its last.
  TimePoint begin{};
  /// When it was leased.
  TimePoint end{};
};

/// A submission reached the driver. One that a Sequence held back and the driver then refused is
/// told of as well, with serial 0, followed by its completion as failed.
struct SubmitEvent {
  /// The slot that holds the commands.
  SlotIndex slot{};
  /// The queue that runs them.
  QueueIndex queue{};
  /// The submission's number on that queue; 0 for one that was held back and then refused.
  Serial serial;
  /// The submission's label. Valid during the call.
  std::string_view label{};
  /// When the driver was given the work, by the clock of Backend::now().
  TimePoint begin{};
  /// When its call had returned.
  TimePoint end{};
};

/// A submission ended.
struct CompleteEvent {
  /// The slot that held the commands; other work may hold it by now.
  SlotIndex slot{};
  /// The queue that ran them.
  QueueIndex queue{};
  /// As in the SubmitEvent.
  Serial serial;
  /// When the GPU ran it, where the device can tell.
  std::optional<GpuInterval> interval;
  /// Whether it ended in an error; the ticket has it.
  bool failed = false;
  /// The submission's label. Valid during the call.
  std::string_view label{};
  /// The whole story of it, by the clock of Backend::now().
  SubmissionTimes times{};
};

/// Receives a ring's events. Override what you need.
///
/// Every function is called with no lock held, by the thread that caused or noticed the event: so
/// several at once, and a completion may be told before its submission where two threads race;
/// slot, queue and serial say what belongs together. The functions must not throw, and take the
/// time of whoever calls them. They may call the ring, but neither wait for a slot nor end the
/// ring.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// A slot was leased.
  virtual void on_acquire(const AcquireEvent& /*event*/) noexcept {}
  /// A submission reached the driver.
  virtual void on_submit(const SubmitEvent& /*event*/) noexcept {}
  /// A submission ended, well or not.
  virtual void on_complete(const CompleteEvent& /*event*/) noexcept {}
  /// A lease ended without a submission.
  virtual void on_discard(SlotIndex /*slot*/) noexcept {}
  /// The device is gone, and with it everything in flight, whose completions are not told one by
  /// one. What had ended before may still be, by a thread that was reading its outcome just then.
  virtual void on_device_lost() noexcept {}
};

}  // namespace cbr
