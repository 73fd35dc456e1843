// How much faster one ring size is than another, from rounds measured in pairs.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace cbr::bench {

/// An interval that covers the true value in 95 of 100 experiments.
struct Interval95 {
  double low = 0.0;
  double high = 0.0;
};

/// The ratio of two rates.
struct Speedup {
  /// The geometric mean of the rounds' ratios: 1.04 is 4 % faster.
  double ratio = 1.0;
  /// Empty if there is only one pair: one measurement says nothing of its own spread.
  std::optional<Interval95> ci95;
};

/// The value that a Student's t of `degrees_of_freedom` (1 or more) exceeds with probability 2.5 %.
/// A table up to 30; above, Fisher's expansion about the normal quantile, exact to five digits.
[[nodiscard]] double student_t_975(std::size_t degrees_of_freedom);

/// How much faster `candidate` is than `baseline`, where entry i of both was measured in the same
/// round. Where one is longer, its surplus is left out. Empty without a pair of positive rates.
///
/// The interval is Student's t on the mean of log(candidate / baseline). Pairing takes out the
/// drift of the machine (heat, clocks) that both sizes of a round share. The logarithm makes "twice
/// as fast" and "half as fast" equally far from 1, so the interval doesn't depend on which is
/// called the baseline. A t interval rather than a bootstrap, because with the usual 5 rounds a
/// bootstrap interval is known to be too narrow.
[[nodiscard]] std::optional<Speedup> paired_speedup(std::span<const double> baseline,
                                                    std::span<const double> candidate);

}  // namespace cbr::bench
