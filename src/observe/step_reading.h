// What a recording says of its steps and of the device. Pure logic.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include <cbr/plan.h>
#include <cbr/recording.h>

namespace cbr::observe {

/// What steps cost that don't tell, because others of the recording, or of one before, did: the
/// median. Empty where none has told yet.
struct UsualCosts {
  std::optional<std::chrono::nanoseconds> launch;
  std::optional<std::chrono::nanoseconds> completion;
  std::optional<std::chrono::nanoseconds> signal;
  std::optional<std::chrono::nanoseconds> pause;
};

/// Whether the story of a submission is whole, and runs forwards.
[[nodiscard]] bool is_whole(const RecordedSubmission& submission);
/// As step_costs(), which has nothing to begin with. Takes from `usual` what no step tells, and
/// puts there what some do.
[[nodiscard]] std::vector<StepCosts> read_costs(const Recording& recording, UsualCosts& usual);
/// As device_traits(), likewise. `steps` are those of the recording.
[[nodiscard]] DeviceTraits read_device(const Recording& recording, std::span<const StepCosts> steps,
                                       UsualCosts& usual);

}  // namespace cbr::observe
