// Whose fault a gap was. Pure logic.
#pragma once

#include <chrono>
#include <optional>

#include <cbr/gpu_activity.h>
#include <cbr/submission_times.h>
#include <cbr/types.h>

namespace cbr::observe {

/// A time in which a queue of the GPU had nothing to run, by the device's clock.
struct Gap {
  std::chrono::nanoseconds begin{};
  std::chrono::nanoseconds end{};
  [[nodiscard]] constexpr std::chrono::nanoseconds length() const { return end - begin; }
};

/// Whether the ring had no slot when the program asked: it waited for one, or had tried in vain.
[[nodiscard]] bool found_no_slot(const SubmissionTimes& times);

/// Whether the GPU surely had the submission as the gap began, and nothing held it up.
[[nodiscard]] bool was_queued(const Gap& gap, const SubmissionTimes& times,
                              const std::optional<ClockOffset>& clock);

/// Splits a gap along the story of the submission that ends it: whatever that submission was at, at
/// a moment of the gap, is what the GPU waited for. The parts add up to the gap's length.
///
/// No part is finer than `clock` allows: one that is shorter than its deviation goes to the longer
/// of its neighbours, and a gap shorter than that is unknown, as is every gap without a clock.
[[nodiscard]] IdleByCause split_gap(const Gap& gap, const SubmissionTimes& times,
                                    const std::optional<ClockOffset>& clock);

/// The same of moments that are known exactly: where each cause begins to apply, in the device's
/// time, is `times` minus `offset`.
[[nodiscard]] IdleByCause split_gap_exactly(const Gap& gap, const SubmissionTimes& times,
                                            std::chrono::nanoseconds offset);

}  // namespace cbr::observe
