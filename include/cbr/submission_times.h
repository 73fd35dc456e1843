/// @file
/// When the host and the GPU dealt with a submission.
#pragma once

#include <chrono>
#include <optional>
#include <thread>

#include <cbr/types.h>

namespace cbr {

/// When the GPU ran a submission, by the host's clock.
struct HostInterval {
  /// When the first command began.
  TimePoint start{};
  /// When the last command had ended; not before `start`.
  TimePoint end{};
  /// Both may be off by so much, in either direction.
  std::chrono::nanoseconds deviation{};
};

/// The story of one submission, all of it by the clock of Backend::now():
/// std::chrono::steady_clock, or the virtual clock of a simulated GPU. The host's own moments
/// follow each other in the order of the fields: all but slot_free, which may lie before
/// acquire_begin, and dependency_end. A moment that nobody noted is TimePoint{}.
struct SubmissionTimes {
  /// When the program asked for the slot: for the first time, where the thread had tried in vain
  /// since it got its last.
  TimePoint acquire_begin{};
  /// When the slot had become free for this request: its earlier work had ended on the GPU, or its
  /// lease was given up; and more were free than are kept for others (RingOptions::reserved_slots).
  /// Unknown for a slot that was never used, and where nobody knows when the GPU was done.
  TimePoint slot_free{};
  /// When the program got its lease.
  TimePoint acquire_end{};
  /// When the program submitted it, if it was held back from then on until submit_begin: for its
  /// turn in a sequence, or for work that only the host can wait for.
  TimePoint held_from{};
  /// When the driver was given the work, or the ring gathered it: RingOptions::coalescing.
  TimePoint submit_begin{};
  /// When that was done.
  TimePoint submit_end{};
  /// When the driver had the work, if it was gathered.
  TimePoint gathered_until{};
  /// When the last of the submissions that it waited for had ended on the GPU, if that is known.
  TimePoint dependency_end{};
  /// When the ring noticed that it had ended.
  TimePoint noticed{};
  /// When the GPU ran it, where that is known by the host's clock.
  std::optional<HostInterval> gpu;
  /// The thread that submitted it.
  std::thread::id thread{};
  /// Whether the program had to wait for the slot, in a call that waits. One that tries again and
  /// again doesn't; then slot_free lies after acquire_begin.
  bool waited = false;
  /// Whether it was held back for other submissions (SubmitOptions::after), and not for its turn.
  bool held_for_dependency = false;
  /// Whether it waited on the GPU for semaphores or events of the program's, whose times nobody
  /// knows.
  bool has_foreign_waits = false;
};

}  // namespace cbr
