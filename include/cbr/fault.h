/// @file
/// What can be made to go wrong, with a simulated GPU or by injection into any backend.
#pragma once

#include <cstdint>

namespace cbr {

/// What goes wrong with one step, or with one call of a backend.
enum class Fault : std::uint8_t {
  /// Nothing: the work runs and ends well.
  none,
  /// `begin` throws BackendError, and so does acquire().
  fail_begin,
  /// The driver refuses the work: `submit` throws SubmitFailed. Nothing is submitted.
  fail_submit,
  /// The work runs and fails: its ticket throws ExecutionFailed.
  fail_execution,
  /// The work doesn't show as ended, nor does what is behind it on its queue, until it is released:
  /// as if the GPU hung.
  hang,
  /// The device is lost: at the submission where it is injected, at the end of the work on a
  /// simulated GPU.
  lose_device,
  /// The submission waits for others, and isn't told of their end: it doesn't start until it is
  /// released. Strikes only submissions that wait on the GPU (SubmitOptions::after).
  lose_signal,

  // These pass: the work goes on, and the same call made again may succeed.

  /// `wait` throws BackendError at once, whatever has ended.
  fail_wait,
  /// `completed` throws BackendError: this call tells nobody what has ended.
  fail_completed,
  /// `finish` throws BackendError: the work ended well, but its times can't be read. Strikes no
  /// work that failed, since `finish` has to tell of that.
  fail_finish,
  /// `wake` throws BackendError, and no wait was woken.
  fail_wake,
};

}  // namespace cbr
