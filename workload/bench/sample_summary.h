// What a set of measurements looks like in a few numbers.
#pragma once

#include <cstddef>
#include <span>

namespace cbr::bench {

/// A set of samples in a few numbers, all in the samples' own unit.
struct SampleSummary {
  double mean = 0.0;
  double median = 0.0;
  double p95 = 0.0;
  double p99 = 0.0;
  double min = 0.0;
  double max = 0.0;
  /// The sample standard deviation (divides by n − 1); 0 for a single sample.
  double std_dev = 0.0;
};

/// The value below which the fraction `quantile` (0 to 1) of the samples lies, by linear
/// interpolation between the two nearest samples (Hyndman and Fan's type 7, as in NumPy and R).
/// `sorted` is in ascending order and not empty; an empty set gives 0.
[[nodiscard]] double percentile(std::span<const double> sorted, double quantile);

/// The middle of the samples, in any order; 0 for an empty set.
[[nodiscard]] double median(std::span<const double> samples);

/// Summarises samples given in any order; all zeros for an empty set.
[[nodiscard]] SampleSummary summarize(std::span<const double> samples);

}  // namespace cbr::bench
