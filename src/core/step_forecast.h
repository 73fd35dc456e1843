// When work in flight will have ended, by how long earlier work took. Pure logic: the ring's state
// mutex guards it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <cbr/types.h>

namespace cbr::detail {

/// The submissions of one queue, as they end.
///
/// GPU times tell how long a step takes, and when it ended by the GPU's clock. How far that is from
/// the host's is not known, but no end can be noticed before it was: the smallest difference
/// between the time of noticing and the time of the end is the best estimate. It is let grow
/// slowly, since two clocks drift apart.
class StepForecast {
 public:
  struct Estimate {
    /// By the host's clock.
    TimePoint end;
    /// How far steps lie from their average, on average.
    std::chrono::nanoseconds deviation{0};
    /// The average time of a step.
    std::chrono::nanoseconds step{0};
  };

  /// A submission has ended, which was noticed at `noticed`. In the order of serials.
  void ended(TimePoint noticed, const Completion& completion);
  /// When the submission will have ended that comes `steps` after the last one that did. The oldest
  /// in flight was submitted at `submitted`. Nothing as long as too little is known.
  [[nodiscard]] std::optional<Estimate> expect(std::uint64_t steps, TimePoint submitted) const;

 private:
  using Nanoseconds = std::chrono::duration<double, std::nano>;

  void measure(Nanoseconds step);

  std::uint32_t measured_ = 0;
  Nanoseconds step_{0};
  Nanoseconds deviation_{0};
  /// The end of the last submission, by the GPU's clock.
  std::optional<std::chrono::nanoseconds> last_end_;
  TimePoint last_noticed_{};
  /// What has to be added to the GPU's clock to have the host's.
  std::optional<std::chrono::nanoseconds> offset_;
};

}  // namespace cbr::detail
