// When the GPU ran a command buffer, as far as Metal can be believed.
#pragma once

#include <chrono>
#include <optional>

#include <cbr/types.h>

namespace cbr::metal {

/// What is left of two times once what can't be true is gone.
struct RunTimes {
  std::optional<GpuInterval> interval;
  /// There where the interval is; also alone.
  std::optional<std::chrono::nanoseconds> end;
};

/// Takes GPUStartTime and GPUEndTime: seconds of the host's clock, zero where nothing was noted. A
/// time that is not a positive number, or more than nanoseconds can count, is absent. An end before
/// its start makes both absent, for nobody knows which of them is wrong.
[[nodiscard]] RunTimes run_times(double start, double end);

/// What GPUStartTime and GPUEndTime are by std::chrono::steady_clock: on a Mac they are of the
/// clock that stands still while the machine sleeps.
[[nodiscard]] ClockOffset host_clock() noexcept;

}  // namespace cbr::metal
