// What other ring sizes would bring, for people and for programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <cbr/plan.h>

namespace cbr::tool {

/// Some steps through rings of several sizes.
struct PlanReport {
  /// Where the steps were recorded.
  struct Origin {
    std::string ring_name;
    /// Empty if that is not known.
    std::string device;
    Prediction measured;
  };
  /// One combination, predicted.
  struct Row {
    /// How many steps go into a submission.
    std::uint32_t merge = 1;
    Prediction prediction;
    /// Steps a second, whatever the size of the submissions.
    double steps_per_second = 0.0;
  };

  std::vector<StepCosts> steps;
  DeviceTraits device;
  /// Empty for steps that were typed in.
  std::optional<Origin> origin;
  /// The ring that the others are set against: the recorded one, or the smallest.
  std::uint32_t ring_size = 0;
  /// With that ring and no merging.
  Row baseline;
  std::vector<Row> rows;
};

/// Fills in `baseline` and `rows`: those of one merge stand together, in the order given.
void predict_all(PlanReport& plan, std::span<const std::uint32_t> ring_sizes,
                 std::span<const std::uint32_t> merges);

/// The least change that comes within 2 % of the best rate: the fewest steps in a submission, and
/// of these the smallest ring.
[[nodiscard]] const PlanReport::Row& recommended(const PlanReport& plan);

/// What to do, in a sentence.
[[nodiscard]] std::string recommendation(const PlanReport& plan);

/// A table and the recommendation.
[[nodiscard]] std::string plan_table(const PlanReport& plan);

/// The same as JSON text. Ends with a line break.
[[nodiscard]] std::string plan_json(const PlanReport& plan);

}  // namespace cbr::tool
